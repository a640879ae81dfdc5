import Distillation
import Files
import Foundation

extension RunContext {
    /// Writes a model of the run in the recipe's formats to `export`, each file proved equal; see `ModelExporter`.
    ///
    /// - Parameters:
    ///   - sequences: of the validation rows; the files are run on them.
    ///   - facts: rows of the model card's table.
    func export(
        _ folder: String, provedOn sequences: [[Int32]], facts: [(name: String, value: String)]
    ) throws -> StageResult {
        let exporter = try ModelExporter(run.file(folder))
        let (formats, place) = (recipe.export, run.file("export"))
        var done = 0
        let entries = try exporter.write(
            formats, to: place, provedOn: sequences,
            card: .init(name: recipe.name, facts: facts, recipe: recipe.resolvedYAML())
        ) { _ in
            try Interruption.check()
            observer.advanced(Pipeline.Stage.export.rawValue, done: done, total: formats.count, unit: "formats")
            done += 1
        }
        let files = try ExportRecord(reading: place).files.keys.sorted() + [ExportRecord.file]
        return StageResult(
            summary: entries.map {
                "export/\($0.format.path) \(String(format: "%.2f MB", Double($0.bytes) / 1e6))"
            }.joined(separator: ", "), outputs: files.map { "export/\($0)" })
    }
}

/// An exported file is not the model that it was made from; it is not handed over.
public struct ExportMismatch: Error, CustomStringConvertible {
    let file: String
    let problem: String

    public var description: String {
        "\(file): \(problem)\n  → the disk may be damaged; export again, to another place"
    }
}
