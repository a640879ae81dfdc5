import Distillation
import Files
import Foundation
import Tokenizers

extension Recipe {
    /// The digest of a soft-target file, or of a directory's parts.
    static func digest(ofTargets path: String) throws -> String {
        let files = try SoftTargets.files(of: Recipe.place(path))
        return Digest.sha256(try files.map { try Digest.sha256(fileAt: $0) }.joined())
    }

    /// Reads all of the soft targets that the recipe names, and refuses what a training step would stumble over: numbers that are
    /// none, other classes, another tokenizer, rows without targets, layers that are not there.
    func checkTargets(_ material: Material, _ tokenizer: any Tokenizers.Tokenizer) throws {
        guard let path = teacher.targets.file else { return }
        let targets = try SoftTargets(reading: Recipe.place(path), outcomes: material.classes.count)
        if let names = targets.description.classes, names != material.classes {
            throw InputError(
                file: path, field: "classes",
                problem: "the targets are for \(names), the rows have \(material.classes)",
                remedy: "the order counts: record the targets for the classes in this order")
        }
        try targets.requireFit(tokenizer)
        try targets.requireHashes()
        let sequences = tokenizer.encode(material.train.texts, maxLength: data.maxLength)
        try targets.requireRows(sequences)
        let layers = recorded
        for layer in layers.hidden { _ = try targets.width(layer: layer) }
        for layer in layers.attention { _ = try targets.heads(layer: layer) }
        if usesPredictions {
            _ = try targets.logProbabilities(for: Array(sequences.prefix(1)))
        }
        try targets.validate()
    }
}
