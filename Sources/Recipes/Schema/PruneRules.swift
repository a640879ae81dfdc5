/// What pruning cannot be asked for.
extension Rule {
    static let layersStay = Rule(
        paths: ["prune.layers.keep", "student.layers"],
        documentation: "`prune.layers.keep` is less than `student.layers`."
    ) { recipe in
        guard let keep = recipe.prune?.layers?.keep, keep >= recipe.student.layers else { return [] }
        return [
            Violation(
                path: "prune.layers.keep", problem: "\(keep) layers are to stay of \(recipe.student.layers)",
                remedy: "use fewer, or remove the section")
        ]
    }

    static let labelsForTaylor = Rule(
        paths: ["prune.heads.criterion", "prune.heads.against"],
        documentation: "`prune.heads.criterion: taylor` needs `against: labels`."
    ) { recipe in
        guard let heads = recipe.prune?.heads, heads.criterion == .taylor, heads.against == .ownOutputs else {
            return []
        }
        return [
            Violation(
                path: "prune.heads.criterion",
                problem: "taylor needs labels: against the model's own outputs the loss has no first-order change",
                remedy: "set prune.heads.against=labels, or use fisher, which is the second-order change")
        ]
    }

    static let wholeBlocks = Rule(
        paths: ["prune.heads.min_heads", "prune.feed_forward.min_neurons", "quantize"],
        documentation: "With `quantize`, `prune` keeps at least one head and one neuron in every layer."
    ) { recipe in
        guard let prune = recipe.prune, recipe.quantize != nil else { return [] }
        let minimums =
            [("prune.heads.min_heads", prune.heads.minHeads)]
            + (prune.feedForward.map { [("prune.feed_forward.min_neurons", $0.minNeurons)] } ?? [])
        return minimums.filter { $0.1 == 0 }.map { path, _ in
            Violation(
                path: path, problem: "found 0, but the int8 form has every part of every layer",
                remedy: "use 1, or remove the quantize section")
        }
    }
}
