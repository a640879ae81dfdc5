/// Where the teacher comes from.
extension Rule {
    static let oneTeacher = Rule(
        paths: ["teacher.model", "teacher.train", "teacher.targets"],
        documentation:
            "`teacher` has one of `model` and `train`, or neither where `teacher.targets` names what was recorded."
    ) { recipe in
        switch (recipe.teacher.model, recipe.teacher.train) {
        case (nil, nil) where recipe.teacher.targets.named.isEmpty:
            [
                Violation(
                    path: "teacher", problem: "there is no teacher; expected one of model, train",
                    remedy:
                        "add model with the directory of a finished model, train with a shape, or targets.file with what "
                        + "was recorded")
            ]
        case (_?, _?):
            [
                Violation(
                    path: "teacher.model", problem: "found both model and train; expected one of them",
                    remedy: "remove one of them (teacher.train=null on the command line)")
            ]
        default: []
        }
    }

    static let namedTargets = Rule(
        paths: ["teacher.targets", "teacher.train"],
        documentation:
            "`teacher.targets` has at most one of `file` and `mix`; neither goes with `teacher.train` or `source: live`."
    ) { recipe in
        let targets = recipe.teacher.targets
        guard !targets.named.isEmpty else { return [] }
        let key = targets.file == nil ? "mix" : "file"
        var found: [Violation] = []
        if targets.file != nil, targets.mix != nil {
            found.append(
                Violation(
                    path: "teacher.targets.mix", problem: "found both file and mix; expected one of them",
                    remedy: "remove one of them"))
        }
        if targets.source == .live {
            found.append(
                Violation(
                    path: "teacher.targets.\(key)", problem: "the teacher is to run live, and targets are named",
                    remedy: "remove one of the two"))
        }
        if recipe.teacher.train != nil {
            found.append(
                Violation(
                    path: "teacher.targets.\(key)",
                    problem: "the run trains a teacher of its own, and targets of another are named",
                    remedy: "remove one of the two (teacher.train=null on the command line)"))
        }
        return found
    }

    static let mixedTargets = Rule(
        paths: ["teacher.targets.mix", "loss", "train.stages"],
        documentation:
            "`teacher.targets.mix.weights` is empty or has a weight per file, and goes with `rule: mean`; a mixture holds no hidden "
            + "states or attention to match."
    ) { recipe in
        guard let mix = recipe.teacher.targets.mix else { return [] }
        var found: [Violation] = []
        if !mix.weights.isEmpty, mix.weights.count != mix.files.count {
            found.append(
                Violation(
                    path: "teacher.targets.mix.weights",
                    problem: "\(mix.weights.count) weights for \(mix.files.count) files",
                    remedy: "give a weight to every file, or to none"))
        }
        if !mix.weights.isEmpty, mix.rule == .mostConfident {
            found.append(
                Violation(
                    path: "teacher.targets.mix.weights", problem: "most_confident takes no weights",
                    remedy: "remove them, or use rule: mean"))
        }
        if !recipe.recorded.hidden.isEmpty || !recipe.recorded.attention.isEmpty {
            found.append(
                Violation(
                    path: "teacher.targets.mix", problem: "teachers' states cannot be mixed, and loss asks for some",
                    remedy: "remove loss.features, loss.relations and loss.attention"))
        }
        return found
    }

    static let oneTokenizer = Rule(
        paths: ["tokenizer.directory", "teacher.model", "teacher.train", "teacher.targets"],
        documentation:
            "`tokenizer.directory` is given where there is neither `teacher.model`, which has its own, nor `teacher.train`."
    ) { recipe in
        let teacher = recipe.teacher
        if recipe.tokenizer.directory != nil, teacher.model != nil {
            return [
                Violation(
                    path: "tokenizer.directory", problem: "teacher.model has a tokenizer of its own",
                    remedy: "remove one of the two")
            ]
        }
        guard recipe.tokenizer.directory == nil, teacher.model == nil, teacher.train == nil,
            !teacher.targets.named.isEmpty
        else { return [] }
        return [
            Violation(
                path: "teacher.targets", problem: "nothing says which tokenizer made the rows of the targets",
                remedy: "name the tokenizer's directory in tokenizer.directory")
        ]
    }

    static let sizesWithoutTeacher = Rule(
        paths: ["student", "teacher.model", "teacher.train", "task"],
        documentation:
            "Without a teacher's model `student` has `hidden`, `heads` and `feed_forward`, and `initialize: random`."
    ) { recipe in
        guard recipe.teacher.model == nil, recipe.teacher.train == nil, recipe.task != .languageModel else { return [] }
        let student = recipe.student
        let sizes = [("hidden", student.hidden), ("heads", student.heads), ("feed_forward", student.feedForward)]
        var found = sizes.filter { $0.1 == nil && student.initialize != .checkpoint }.map {
            Violation(
                path: "student.\($0.0)", problem: "there is no teacher's model to take it from",
                remedy: "give a number")
        }
        if student.initialize == .teacherLayers {
            found.append(
                Violation(
                    path: "student.initialize", problem: "there is no teacher's model to copy layers from",
                    remedy: "use initialize: random"))
        }
        return found
    }
}
