import Distillation
import Files
import Foundation
import Tokenizers

extension Recipe {
    /// The digest of the soft-target files that the recipe names; empty where it names none.
    func digestOfTargets() throws -> String {
        let files = try teacher.targets.named.flatMap { try SoftTargets.files(of: Recipe.place($0)) }
        return files.isEmpty ? "" : Digest.sha256(try files.map { try Digest.sha256(fileAt: $0) }.joined())
    }

    /// The recordings that the recipe names, opened.
    func namedTargets(outcomes: Int?) throws -> [SoftTargets] {
        try teacher.targets.named.map { try SoftTargets(reading: Recipe.place($0), outcomes: outcomes) }
    }

    /// How the recordings that the recipe names are made one.
    func mixture(_ mix: TargetMix, of named: [SoftTargets]) throws -> TargetMixture {
        try TargetMixture(
            named, weights: mix.weights.isEmpty ? mix.files.map { _ in 1 } : mix.weights,
            rule: mix.rule == .mean ? .mean : .mostConfident)
    }

    /// Reads all of the soft targets that the recipe names, and refuses what a training step would stumble over: numbers that are
    /// none, other classes, another tokenizer, rows without targets, layers that are not there.
    func checkTargets(_ material: Material, _ tokenizer: any Tokenizers.Tokenizer) throws {
        let sequences = tokenizer.encode(material.train.texts, maxLength: data.maxLength)
        let named = try namedTargets(outcomes: material.classes.count)
        for targets in named {
            if let names = targets.description.classes, names != material.classes {
                throw InputError(
                    file: targets.name, field: "classes",
                    problem: "the targets are for \(names), the rows have \(material.classes)",
                    remedy: "the order counts: record the targets for the classes in this order")
            }
            try check(targets, tokenizer, sequences)
            if usesPredictions { _ = try targets.logProbabilities(for: Array(sequences.prefix(1))) }
        }
        if let mix = teacher.targets.mix { _ = try mixture(mix, of: named) }
    }

    /// Refuses named targets that are not for this tokenizer, these rows or this loss, or that hold numbers that are none.
    func check(_ targets: SoftTargets, _ tokenizer: any Tokenizers.Tokenizer, _ rows: [[Int32]]) throws {
        try targets.requireFit(tokenizer)
        try targets.requireHashes()
        try targets.requireRows(rows)
        let layers = recorded
        for layer in layers.hidden { _ = try targets.width(layer: layer) }
        for layer in layers.attention { _ = try targets.heads(layer: layer) }
        try targets.validate()
    }
}
