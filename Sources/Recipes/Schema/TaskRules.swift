/// What a task cannot have.
extension Rule {
    static let languageModel = Rule(
        paths: [
            "task", "teacher", "loss", "train.stages", "student.initialize", "adapt", "prune",
            "quantize",
        ],
        documentation:
            "`task: language-model` learns from `teacher.model`; `teacher.train`, `loss.relations`, `loss.attention`, "
            + "`loss.kl.temperature_end`, `student.initialize: checkpoint`, `adapt`, `prune` and `quantize` are for encoders."
    ) { recipe in
        guard recipe.task == .languageModel else { return [] }
        func refused(_ path: String, _ remedy: String) -> Violation {
            Violation(path: path, problem: "is not there for language models", remedy: remedy)
        }
        var found: [Violation] = []
        if recipe.teacher.train != nil {
            found.append(refused("teacher.train", "name a model in teacher.model"))
        }
        if recipe.teacher.model == nil, recipe.teacher.train == nil {
            found.append(
                Violation(
                    path: "teacher", problem: "there is no model whose tokenizer and shape the student takes",
                    remedy: "name one in teacher.model"))
        }
        for (path, loss) in recipe.losses {
            if loss.relations != nil { found.append(refused("\(path).relations", "remove it")) }
            if loss.attention != nil { found.append(refused("\(path).attention", "remove it")) }
            if loss.kl.temperatureEnd != nil {
                found.append(
                    Violation(
                        path: "\(path).kl.temperature_end",
                        problem: "targets of single tokens are exact at the temperature that they are recorded for",
                        remedy: "remove it, or use train.stages with a temperature each"))
            }
        }
        if recipe.student.initialize == .checkpoint {
            found.append(refused("student.initialize", "use random or teacher_layers"))
        }
        if recipe.adapt != nil { found.append(refused("adapt", "remove the section")) }
        if recipe.prune != nil { found.append(refused("prune", "remove the section")) }
        if recipe.quantize != nil { found.append(refused("quantize", "remove the section")) }
        return found
    }

    static let numbers = Rule(
        paths: [
            "task", "teacher", "student.initialize", "loss", "adapt", "prune", "quantize", "train",
        ],
        documentation:
            "`task: regression` and `task: embedding` have no `loss.relations`, `loss.attention`, `adapt`, `prune`, `quantize`, "
            + "`teacher.targets.mix` or `student.initialize: checkpoint`; an embedding has a "
            + "ready `teacher.model` and no labels, so `train.baseline` is false."
    ) { recipe in
        guard recipe.task == .regression || recipe.task == .embedding else { return [] }
        var found: [Violation] = []
        func refuse(_ path: String, _ remedy: String) {
            found.append(Violation(path: path, problem: "is not there for \(recipe.task.rawValue)", remedy: remedy))
        }
        for (path, loss) in recipe.losses {
            if loss.relations != nil { refuse("\(path).relations", "remove it") }
            if loss.attention != nil { refuse("\(path).attention", "remove it") }
        }
        if recipe.adapt != nil { refuse("adapt", "remove the section") }
        if recipe.prune != nil { refuse("prune", "remove the section") }
        if recipe.quantize != nil { refuse("quantize", "remove the section") }
        if recipe.teacher.targets.mix != nil { refuse("teacher.targets.mix", "name one recording in file") }
        if recipe.student.initialize == .checkpoint { refuse("student.initialize", "use random or teacher_layers") }
        if recipe.train.earlyStopping?.metric == .accuracy {
            refuse("train.early_stopping.metric", "use loss")
        }
        for (path, loss) in recipe.losses {
            let labels = recipe.task == .regression ? loss.squaredError : 0
            guard labels + loss.output.weight + (loss.features?.weight ?? 0) == 0 else { continue }
            found.append(
                Violation(
                    path: path, problem: "all weights that count here are 0, so there is nothing to learn",
                    remedy: "give output.weight or features.weight a value above 0"))
        }
        guard recipe.task == .embedding else { return found }
        if recipe.teacher.train != nil { refuse("teacher.train", "name a model in teacher.model") }
        if recipe.teacher.fineTune != nil { refuse("teacher.fine_tune", "remove it") }
        if recipe.teacher.model == nil, recipe.teacher.train == nil {
            refuse("teacher.targets", "name the teacher in teacher.model, which the student is judged by")
        }
        if recipe.train.baseline { refuse("train.baseline", "set it to false: there are no labels") }
        return found
    }

    static let exportHoldsModel = Rule(
        paths: ["export", "task", "quantize"],
        documentation: "`export` names formats of the finished model: "
            + [ExportFormat.Kind.floatEncoder, .int8Encoder, .decoder].map { kind in
                "of \(kind == .int8Encoder ? "an" : "a") \(kind.rawValue) "
                    + kind.formats.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            }.joined(separator: "; ") + "; `compressed-tensors` without `quantize.smoothing`."
    ) { recipe in
        let kind: ExportFormat.Kind =
            recipe.task == .languageModel ? .decoder : recipe.quantize == nil ? .floatEncoder : .int8Encoder
        if recipe.quantize.map({ $0.smoothing > 0 }) ?? false, recipe.export.contains(.compressedTensors) {
            return [
                Violation(
                    path: "export", problem: "compressed-tensors has no place for the factors of quantize.smoothing",
                    remedy: "set quantize.smoothing=0, or choose another format")
            ]
        }
        let others = recipe.export.filter { !kind.formats.contains($0) }.map(\.rawValue)
        guard !others.isEmpty else { return [] }
        return [
            Violation(
                path: "export",
                problem: "the finished model is \(kind == .int8Encoder ? "an" : "a") \(kind.rawValue), which "
                    + "\(others.joined(separator: " and ")) \(others.count == 1 ? "does" : "do") not hold",
                remedy: "choose from \(kind.formats.map(\.rawValue).joined(separator: ", "))")
        ]
    }

    static let keyHeadsDivideHeads = Rule(
        paths: ["student.heads", "student.key_heads", "task"],
        documentation: "`student.key_heads` divides `student.heads`, and is for language models."
    ) { recipe in
        guard let keyHeads = recipe.student.keyHeads else { return [] }
        guard recipe.task == .languageModel else {
            return [
                Violation(
                    path: "student.key_heads", problem: "an encoder's queries do not share keys", remedy: "remove it")
            ]
        }
        guard let heads = recipe.student.heads, !heads.isMultiple(of: keyHeads) else { return [] }
        let below = (1...keyHeads).last { heads.isMultiple(of: $0) } ?? 1
        return [
            Violation(
                path: "student.key_heads", problem: "\(keyHeads) does not divide the \(heads) heads",
                remedy: "use \(below)")
        ]
    }
}
