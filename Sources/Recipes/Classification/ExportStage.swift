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
                    try prove(.onnx, in: aside)
                case .safetensors:
                    let name = ModelDirectory.weightsFile
                    files.append(name)
                    try AtomicFile.write(
                        Data(contentsOf: source.appendingPathComponent(name)), to: aside.appendingPathComponent(name))
                    try prove(.safetensors, in: aside)
                }
            }
            try AtomicFile.write(modelCard(files: files), to: aside.appendingPathComponent("README.md"))
            let model = try ExportSource(source)
            let sample = model.sequences(TokenizerSample.texts)
            try ExportRecord(
                kind: model.kind, formats: recipe.export.map { $0 == .onnx ? .onnx : .safetensors },
                isClassifier: true, width: model.width, sequences: sample, expected: model.outputs(sample),
                isDecoder: false
            ).write(to: aside)
            return files
        }
        let sizes = try weights.map { name in
            let path = run.file("export").appendingPathComponent(name).path
            let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            return "export/\(name) \(String(format: "%.2f MB", Double(bytes) / 1e6))"
        }
        return StageResult(
            summary: sizes.joined(separator: ", "),
            outputs: (weights + [ModelDirectory.configurationFile, "tokenizer.json", "README.md", ExportRecord.file])
                .map {
                    "export/\($0)"
                })
    }

    private func writeONNX(to url: URL, from source: URL) throws {
        guard recipe.quantize != nil else {
            return try ONNXExport.float(ModelDirectory.readEncoder(source)).write(to: url)
        }
        let encoder = try QuantizedEncoder(reading: source)
        try ONNXExport.quantized(encoder, encoder.hasFixedGrids ? .qdq : .fused).write(to: url)
    }

    /// Reads the file back and runs it: it must give what the stage's model gives for the first validation rows.
    private func prove(_ format: ExportFormat, in folder: URL) throws {
        let source = try ExportSource(run.file(finalFolder))
        let rows = Array(try sequences(material.validation).sequences.prefix(256))
        let found = OutputAgreement(
            try source.outputs(rows), try ExportProof(format: format, directory: folder).outputs(rows),
            width: source.width)
        let tolerance = ExportProof.tolerance(format, source.kind, isClassifier: source.isClassifier)
        if let problem = found.problem(tolerance) {
            throw ExportMismatch(file: folder.appendingPathComponent(format.path).path, problem: problem)
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
