/// The rules of where the student's first weights come from.
extension Rule {
    static let copiedLayers = Rule(
        paths: ["student", "teacher.train"],
        documentation:
            "`student.initialize: teacher_layers` takes no more than the teacher has: `layers`, `hidden`, `heads` and "
            + "`feed_forward` are at most the teacher's, and a head is as wide as one of the teacher's."
    ) { recipe in
        guard recipe.student.initialize == .teacherLayers, let teacher = recipe.teacher.train else { return [] }
        let student = recipe.student
        let sizes = [
            ("layers", student.layers, teacher.layers), ("hidden", student.hidden ?? 0, teacher.hidden),
            ("heads", student.heads ?? 0, teacher.heads),
            ("feed_forward", student.feedForward ?? 0, teacher.feedForward),
        ]
        var found = sizes.filter { $0.1 > $0.2 }.map { name, ours, theirs in
            Violation(
                path: "student.\(name)", problem: "\(ours), but layers of a teacher with \(theirs) are to be copied",
                remedy: "use at most \(theirs), or initialize: random")
        }
        let (hidden, heads) = (student.hidden ?? teacher.hidden, student.heads ?? teacher.heads)
        let width = teacher.hidden / teacher.heads
        if found.isEmpty, hidden != heads * width {
            found.append(
                Violation(
                    path: "student.heads",
                    problem: "heads of width \(hidden / heads), but the teacher's are \(width) wide",
                    remedy: "give the student a multiple of \(width) as its width, and that multiple as its heads, or "
                        + "initialize: random"))
        }
        return found
    }

    static let chosenLayers = Rule(
        paths: ["student.teacher_layers", "student.layers", "student.initialize", "teacher.train"],
        documentation:
            "`student.teacher_layers` names a layer of the teacher for each of the student's, with `initialize: teacher_layers`."
    ) { recipe in
        guard let chosen = recipe.student.teacherLayers else { return [] }
        let path = "student.teacher_layers"
        if recipe.student.initialize != .teacherLayers {
            return [
                Violation(
                    path: path, problem: "no layers of the teacher are to be copied",
                    remedy: "use initialize: teacher_layers, or remove it")
            ]
        }
        var found: [Violation] = []
        if chosen.count != recipe.student.layers {
            found.append(
                Violation(
                    path: path, problem: "\(chosen.count) layers for a student of \(recipe.student.layers)",
                    remedy: "name one for each layer of the student"))
        }
        if let layers = recipe.teacher.train?.layers, let beyond = chosen.first(where: { $0 > layers }) {
            found.append(
                Violation(
                    path: path, problem: "layer \(beyond) of a teacher with \(layers) layers",
                    remedy: "name layers from 1 to \(layers)"))
        }
        return found
    }

    static let beginsWithCheckpoint = Rule(
        paths: ["student.checkpoint", "student.initialize"],
        documentation: "`student.checkpoint` goes with `initialize: checkpoint`."
    ) { recipe in
        switch (recipe.student.initialize, recipe.student.checkpoint) {
        case (.checkpoint, nil):
            [
                Violation(
                    path: "student.initialize", problem: "there is no student.checkpoint to begin with",
                    remedy: "name its directory in student.checkpoint")
            ]
        case (.random, _?), (.teacherLayers, _?):
            [
                Violation(
                    path: "student.checkpoint", problem: "the student does not begin with a checkpoint",
                    remedy: "use initialize: checkpoint, or remove it")
            ]
        default: []
        }
    }
}
