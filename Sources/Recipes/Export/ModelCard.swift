import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// `README.md` of an exported model, with the front matter that model hubs read.
public struct ModelCard {
    /// What a run knows beside the model.
    public struct Notes: Sendable {
        /// The card's title; nil: the directory's name.
        public var name: String?
        /// The model that it was distilled from, as a hub names it.
        public var baseModel: String?
        /// Rows of the table: what, and its value.
        public var facts: [(name: String, value: String)] = []
        /// The resolved recipe.
        public var recipe: String?

        public init(
            name: String? = nil, baseModel: String? = nil, facts: [(name: String, value: String)] = [],
            recipe: String? = nil
        ) {
            self.name = name
            self.baseModel = baseModel
            self.facts = facts
            self.recipe = recipe
        }
    }

    let text: String

    init(_ source: ExportSource, _ entries: [ModelExporter.Entry], notes: Notes, name: String) {
        var rows: [(String, String)]
        let task: String
        func list(_ sizes: [Int]) -> String {
            Set(sizes).count == 1 ? "\(sizes[0])" : sizes.map(String.init).joined(separator: ", ")
        }
        func describe(_ configuration: EncoderConfiguration, _ parameters: Int) -> [(String, String)] {
            [
                ("parameters", grouped(parameters)), ("layers", "\(configuration.layers)"),
                ("width", "\(configuration.hiddenSize)"), ("heads per layer", list(configuration.heads)),
                ("feed-forward per layer", list(configuration.feedForward)),
                ("longest input", "\(configuration.longestText) tokens"),
            ] + (configuration.labels.isEmpty ? [] : [("outputs", configuration.labels.joined(separator: ", "))])
        }
        func tag(_ head: EncoderConfiguration.Head) -> String {
            switch head {
            case .classification, .regression: "text-classification"
            case .embedding: "sentence-similarity"
            case .maskedLanguageModel: "fill-mask"
            case .none: "feature-extraction"
            }
        }
        switch source.model {
        case .float(let encoder):
            rows = describe(encoder.configuration, encoder.parameterCount)
            task = tag(encoder.configuration.head)
        case .int8(let encoder):
            rows = describe(encoder.configuration, encoder.configuration.parameterCount)
            rows.append(("weights", "int8, a scale per output channel"))
            let kept = encoder.keptFloat + ["attention products", "softmax", "norms", "residual stream", "classifier"]
            rows.append(("in float", kept.joined(separator: ", ")))
            task = tag(encoder.configuration.head)
        case .decoder(let decoder):
            let configuration = decoder.configuration
            rows = [
                ("parameters", grouped(configuration.parameterCount)), ("layers", "\(configuration.layers)"),
                ("width", "\(configuration.hiddenSize)"), ("heads per layer", list(configuration.heads)),
                ("key heads per layer", list(configuration.keyHeads)),
                ("feed-forward per layer", list(configuration.feedForward)),
                ("longest text", "\(configuration.maximumPositions) tokens"),
            ]
            task = "text-generation"
        }
        rows += notes.facts.map { ($0.name, $0.value) }
        let tags = ["distillation"] + (source.kind == .int8Encoder ? ["int8"] : [])
        let base = notes.baseModel.map { "base_model: \(JSONString.quote($0))\n" } ?? ""
        let recipe = notes.recipe.map { "\n## Recipe\n\n```yaml\n\($0)\n```\n" } ?? ""
        text = """
            ---
            library_name: retort
            pipeline_tag: \(task)
            \(base)tags: [\(tags.joined(separator: ", "))]
            ---

            # \(name)

            | | |
            |---|---|
            \(rows.map { "| \($0.0) | \($0.1) |" }.joined(separator: "\n"))

            ## Files

            Each was read back and run against the model that it was written from; `retort verify` does it again.

            | file | format | against the model |
            |---|---|---|
            \(entries.map { "| `\($0.format.path)` | \($0.format.rawValue) | \($0.agreement) |" }.joined(separator: "\n"))
            \(Self.use(entries.map(\.format)))\(recipe)
            """
    }

    private static func use(_ formats: [ExportFormat]) -> String {
        var lines: [String] = []
        if formats.contains(where: { [.onnx, .onnxFloat16, .onnxFused].contains($0) }) {
            lines.append(
                "ONNX files take `input_ids` and `attention_mask`, int64 [batch, sequence], of texts that begin at the "
                    + "first column.")
        }
        if formats.contains(.safetensors) { lines.append("`retort predict` runs this folder as it is.") }
        return lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n") + "\n"
    }
}
