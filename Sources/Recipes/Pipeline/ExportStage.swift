import Compression
import Distillation
import Files
import Formats
import Foundation
import Models
import Tokenizers

extension Pipeline {
    /// The finished model: INT8 where the recipe quantizes, else the newest float student.
    var finalFolder: String {
        recipe.quantize == nil ? floatStudentFolder : ModelFolder.int8
    }

    /// Writes the finished model in each format, reads it back, and only then calls it done.
    func export() throws -> StageResult {
        let source = run.file(finalFolder)
        let folder = run.file("export")
        let tokenizer = try tokenizer()
        var outputs: [String] = []
        for (done, format) in recipe.export.enumerated() {
            observer.advanced(Stage.export.rawValue, done: done, total: recipe.export.count, unit: "formats")
            switch format {
            case .onnx:
                let graph =
                    try recipe.quantize == nil
                    ? ONNXExport.float(ModelDirectory.readEncoder(source))
                    : ONNXExport.quantized(QuantizedEncoder(reading: source))
                try graph.write(to: folder.appendingPathComponent("model.onnx"))
                outputs.append("export/model.onnx")
            case .safetensors:
                if recipe.quantize == nil {
                    try ModelDirectory.write(ModelDirectory.readEncoder(source), tokenizer, to: folder)
                } else {
                    try QuantizedEncoder(reading: source).write(to: folder)
                }
                try checkReadBack(from: folder)
                outputs.append("export/\(ModelDirectory.weightsFile)")
            }
        }
        try tokenizer.write(to: folder)
        let configuration = ModelDirectory.configurationFile
        try AtomicFile.write(
            Data(contentsOf: source.appendingPathComponent(configuration)),
            to: folder.appendingPathComponent(configuration)
        )
        try AtomicFile.write(modelCard(), to: folder.appendingPathComponent("README.md"))
        let sizes = try outputs.map { path in
            let bytes = try FileManager.default.attributesOfItem(atPath: run.file(path).path)[.size] as? Int ?? 0
            return "\(path) \(String(format: "%.2f MB", Double(bytes) / 1e6))"
        }
        return StageResult(
            summary: sizes.joined(separator: ", "),
            outputs: outputs + ["export/\(configuration)", "export/tokenizer.json", "export/README.md"])
    }

    /// The exported weights must give the very logits of the stage that they come from.
    private func checkReadBack(from folder: URL) throws {
        try tokenizer().write(to: folder)
        let exported = try LoadedModel(folder)
        let source = try LoadedModel(run.file(finalFolder))
        let rows = Array(try sequences(material.validation).sequences.prefix(256))
        let (found, expected) = (try exported.classifier.logits(of: rows), try source.classifier.logits(of: rows))
        guard found == expected else {
            throw InputError(
                file: folder.appendingPathComponent(ModelDirectory.weightsFile).path,
                problem: "read back, it does not give the logits of the model that it was written from",
                remedy: "the disk or the file is damaged; export again")
        }
    }

    /// `README.md` of the exported model, with the front matter that model hubs read.
    private func modelCard() throws -> String {
        let classifier = try LoadedModel(run.file(finalFolder)).classifier
        let configuration = classifier.configuration
        let accuracy = try accuracy(of: classifier, on: sequences(material.validation))
        return """
            ---
            library_name: retort
            pipeline_tag: text-classification
            tags: [distillation\(recipe.prune == nil ? "" : ", pruning")\(recipe.quantize == nil ? "" : ", int8")]
            ---

            # \(recipe.name)

            A \(configuration.layers)-layer encoder, \(configuration.hiddenSize) wide, with \
            \(Self.grouped(classifier.parameterCount)) parameters, distilled with Retort \(Version.current).

            | | |
            |---|---|
            | classes | \(configuration.labels.joined(separator: ", ")) |
            | heads per layer | \(configuration.heads.map(String.init).joined(separator: ", ")) |
            | feed-forward per layer | \(configuration.feedForward.map(String.init).joined(separator: ", ")) |
            | longest input | \(recipe.data.maxLength) word pieces |
            | training rows | \(Self.grouped(material.train.count)) of \(recipe.data.train) |
            | validation accuracy | \(String(format: "%.4f", accuracy)) on \(Self.grouped(material.validation.count)) rows |

            `model.onnx` takes `input_ids` and `attention_mask` (int64, [batch, sequence]) and gives `logits`.
            `retort predict` runs this folder as it is.

            ## Recipe

            ```yaml
            \(recipe.resolvedYAML())
            ```

            """
    }
}
