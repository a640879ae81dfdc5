import Compression
import Distillation
import Files
import Formats
import Foundation
import Models
import Tokenizers

extension ClassificationStages {
    /// The finished model: INT8 where the recipe quantizes, else the newest float student.
    var finalFolder: String {
        recipe.quantize == nil ? floatStudentFolder : ModelFolder.int8
    }

    /// Writes the finished model in each format, and reads it back.
    func export() throws -> StageResult {
        let source = run.file(finalFolder)
        let weights = try context.export { aside in
            let configuration = ModelDirectory.configurationFile
            try context.tokenizer().write(to: aside)
            try AtomicFile.write(
                Data(contentsOf: source.appendingPathComponent(configuration)),
                to: aside.appendingPathComponent(configuration))
            var files: [String] = []
            for (done, format) in recipe.export.enumerated() {
                observer.advanced(
                    Pipeline.Stage.export.rawValue, done: done, total: recipe.export.count, unit: "formats")
                switch format {
                case .onnx:
                    files.append("model.onnx")
                    try writeONNX(to: aside.appendingPathComponent("model.onnx"), from: source)
                case .safetensors:
                    let name = ModelDirectory.weightsFile
                    files.append(name)
                    try AtomicFile.write(
                        Data(contentsOf: source.appendingPathComponent(name)), to: aside.appendingPathComponent(name))
                    try checkReadBack(from: aside)
                }
            }
            try AtomicFile.write(modelCard(files: files), to: aside.appendingPathComponent("README.md"))
            return files
        }
        let sizes = try weights.map { name in
            let path = run.file("export").appendingPathComponent(name).path
            let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            return "export/\(name) \(String(format: "%.2f MB", Double(bytes) / 1e6))"
        }
        return StageResult(
            summary: sizes.joined(separator: ", "),
            outputs: (weights + [ModelDirectory.configurationFile, "tokenizer.json", "README.md"]).map {
                "export/\($0)"
            })
    }

    /// Writes the graph, and reads the file back: it must hold the very weights.
    private func writeONNX(to url: URL, from source: URL) throws {
        let graph =
            try recipe.quantize == nil
            ? ONNXExport.float(ModelDirectory.readEncoder(source))
            : ONNXExport.quantized(QuantizedEncoder(reading: source))
        try graph.write(to: url)
        let written = try graph.serialize()
        let read = try ONNXModel(reading: url)
        guard try Data(contentsOf: url) == written, !read.nodes.isEmpty else {
            throw ExportMismatch(file: url.path, problem: "read back, it does not hold what was written")
        }
    }

    /// The exported weights must give the very logits of the stage that they come from.
    private func checkReadBack(from folder: URL) throws {
        let exported = try LoadedModel(folder)
        let source = try LoadedModel(run.file(finalFolder))
        let rows = Array(try sequences(material.validation).sequences.prefix(256))
        let (found, expected) = (try exported.classifier.logits(of: rows), try source.classifier.logits(of: rows))
        guard found == expected else {
            throw ExportMismatch(
                file: folder.appendingPathComponent(ModelDirectory.weightsFile).path,
                problem: "read back, it does not give the logits of the model that it was written from")
        }
    }

    /// `README.md` of the exported model, with the front matter that model hubs read.
    private func modelCard(files: [String]) throws -> String {
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
            \(grouped(classifier.parameterCount)) parameters, distilled with Retort \(Version.current).

            | | |
            |---|---|
            | classes | \(configuration.labels.joined(separator: ", ")) |
            | heads per layer | \(configuration.heads.map(String.init).joined(separator: ", ")) |
            | feed-forward per layer | \(configuration.feedForward.map(String.init).joined(separator: ", ")) |
            | longest input | \(recipe.data.maxLength) word pieces |
            | training rows | \(grouped(material.train.count)) of \(recipe.data.train) |
            | validation accuracy | \(String(format: "%.4f", accuracy)) on \(grouped(material.validation.count)) rows |

            \(files.contains("model.onnx") ? Self.onnxNote : "")\(files.contains(ModelDirectory.weightsFile) ? Self.weightsNote : "")

            ## Recipe

            ```yaml
            \(recipe.resolvedYAML())
            ```

            """
    }

    private static let onnxNote = """
        `model.onnx` takes `input_ids` and `attention_mask` (int64, [batch, sequence]) and gives `logits`.

        """
    private static let weightsNote = "`retort predict` runs this folder as it is.\n"
}
