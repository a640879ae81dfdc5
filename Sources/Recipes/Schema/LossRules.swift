/// The rules of the section `loss`, which the losses of training stages keep too.
extension Rule {
    static let someLoss = ofLosses(
        documentation: "The weights of `loss` are not all 0, neither in the first step nor in the last."
    ) { loss, path, _ in
        let (features, relations, attention) = (loss.features, loss.relations, loss.attention)
        let start = [
            loss.crossEntropy, loss.kl.weight, features?.weight ?? 0, relations?.weight ?? 0, attention?.weight ?? 0,
        ]
        let ends = [
            loss.crossEntropyEnd, loss.kl.weightEnd, features?.weightEnd, relations?.weightEnd, attention?.weightEnd,
        ]
        if start.allSatisfy({ $0 == 0 }) {
            return [
                Violation(
                    path: path, problem: "all weights are 0, so there is nothing to learn",
                    remedy: "give cross_entropy, kl.weight or features.weight a value above 0")
            ]
        }
        guard zip(start, ends).allSatisfy({ ($1 ?? $0) == 0 }) else { return [] }
        return [
            Violation(
                path: path, problem: "all weights become 0, so that there is nothing left to learn in the last step",
                remedy: "let one of them end above 0")
        ]
    }

    static let betaOfJSD = ofLosses(
        documentation: "`loss.kl.beta` is given with `divergence: jsd` alone."
    ) { loss, path, _ in
        guard loss.kl.beta != nil, loss.kl.divergence != .jsd else { return [] }
        return [
            Violation(
                path: "\(path).kl.beta", problem: "\(loss.kl.divergence.rawValue) has no beta",
                remedy: "remove it, or use divergence: jsd")
        ]
    }

    static let pairsExist = ofLosses(
        reading: ["student.layers", "teacher.train"], documentation: "The layers in `loss.features.pairs` exist."
    ) { loss, path, recipe in
        missingLayers(
            loss.features?.pairs ?? [], "\(path).features.pairs", from: "0 (the embedding's output)", recipe)
    }

    static let attentionPairsExist = ofLosses(
        reading: ["student.layers", "student.heads", "teacher.train"],
        documentation: "The layers in `loss.attention.pairs` exist, and student and teacher have as many heads."
    ) { loss, path, recipe in
        guard let attention = loss.attention else { return [] }
        var found = missingLayers(attention.pairs, "\(path).attention.pairs", from: "1", recipe)
        if let theirs = recipe.teacher.train?.heads, let ours = recipe.student.heads, theirs != ours {
            found.append(
                Violation(
                    path: "\(path).attention.pairs",
                    problem:
                        "the student has \(ours) heads and the teacher \(theirs); their attention maps are "
                        + "compared head by head",
                    remedy: "use \(theirs) heads in the student, or loss.relations, which needs no equal heads"))
        }
        return found
    }

    static let relationsFit = ofLosses(
        reading: ["student.layers", "student.hidden", "teacher.train"],
        documentation:
            "The layers of `loss.relations` exist, and its `heads` divide the width of student and teacher."
    ) { loss, path, recipe in
        guard let relations = loss.relations else { return [] }
        let (student, teacher) = (recipe.student, recipe.teacher.train)
        var found: [Violation] = []
        let ends = [
            ("student", relations.studentLayer, student.layers as Int?, student.hidden),
            ("teacher", relations.teacherLayer, teacher?.layers, teacher?.hidden),
        ]
        for (model, layer, layers, hidden) in ends {
            if let layers, layer > layers {
                found.append(
                    Violation(
                        path: "\(path).relations.\(model)_layer",
                        problem: "layer \(layer) of a \(model) with \(layers) layers",
                        remedy: "use a layer from 1 to \(layers)"))
            }
            if let hidden, !hidden.isMultiple(of: relations.heads) {
                found.append(
                    Violation(
                        path: "\(path).relations.heads",
                        problem: "\(relations.heads) heads do not divide the \(model)'s width \(hidden)",
                        remedy: "use a number that divides both widths, such as their heads' greatest common divisor"))
            }
        }
        return found
    }

    /// A rule that every loss of the recipe keeps.
    ///
    /// - Parameters:
    ///   - paths: what it looks at beside the losses.
    ///   - violations: of one loss, which stands at the path that it is given.
    private static func ofLosses(
        reading paths: [String] = [], documentation: String,
        _ violations: @escaping @Sendable (Recipe.Loss, String, Recipe) -> [Violation]
    ) -> Rule {
        Rule(paths: ["loss", "train.stages"] + paths, documentation: documentation) { recipe in
            recipe.losses.flatMap { violations($0.loss, $0.path, recipe) }
        }
    }

    /// Layers of pairs that the student or a teacher of known shape does not have.
    private static func missingLayers(
        _ pairs: [Recipe.LayerPair], _ path: String, from first: String, _ recipe: Recipe
    ) -> [Violation] {
        pairs.enumerated().flatMap { index, pair in
            let ends = [
                ("student", pair.student, recipe.student.layers as Int?),
                ("teacher", pair.teacher, recipe.teacher.train?.layers),
            ]
            return ends.enumerated().compactMap { position, end -> Violation? in
                guard let last = end.2, end.1 > last else { return nil }
                return Violation(
                    path: "\(path)[\(index)][\(position)]", problem: "layer \(end.1) of a \(end.0) with \(last) layers",
                    remedy: "use a layer from \(first) to \(last)")
            }
        }
    }
}
