import Files
import Foundation
import Models

/// The `quantization_config` section of a quantized model's `config.json`: how its numbers are to be read.
struct QuantizationConfiguration: Encodable {
    struct Format: Encodable {
        var type: String
        var symmetric: Bool
        /// What shares a scale: `channel` (of a weight's outputs), `row` (of a table) or `tensor`.
        var granularity: String
    }

    var quantMethod: String
    var version: Int
    var bits: Int
    var weights: Format
    var activations: Format
    var embeddings: Format
    /// Names of the parts that stay float.
    var float: [String]

    /// What is float in every model.
    private static let alwaysFloat = [
        "attention_products", "classifier", "gelu", "norms", "residual_stream", "softmax",
    ]

    /// How this version describes a model.
    ///
    /// - Parameter kept: names of the layers and tables that stay float as well.
    init(isPerToken: Bool, kept: [String]) {
        quantMethod = "retort"
        version = 1
        bits = 8
        weights = Format(type: "int8", symmetric: true, granularity: "channel")
        activations =
            isPerToken
            ? Format(type: "int8", symmetric: true, granularity: "token")
            : Format(type: "uint8", symmetric: false, granularity: "tensor")
        embeddings = Format(type: "int8", symmetric: true, granularity: "row")
        float = (Self.alwaysFloat + kept).sorted()
    }

    init(_ encoder: QuantizedEncoder) {
        self.init(isPerToken: encoder.quantizesPerToken, kept: encoder.keptFloat)
    }

    var isPerToken: Bool { activations.granularity == "token" }
    func keeps(_ name: String) -> Bool { float.contains(name) }

    private static let key = "quantization_config"

    /// The section of a `config.json`, or nil if it has none.
    ///
    /// - Throws: `InputError` if the file cannot be read or has a section that this version does not know.
    static func read(_ url: URL) throws -> QuantizationConfiguration? {
        var file = try ConfigurationReader(reading: url)
        guard file.has(key) else { return nil }
        let found = file.object(key)
        var kept: [String] = []
        if case .array(let names)? = found?["float"] {
            kept = names.compactMap { if case .text(let name) = $0 { name } else { nil } }
                .filter { !alwaysFloat.contains($0) }
        }
        for isPerToken in [false, true] {
            let candidate = QuantizationConfiguration(isPerToken: isPerToken, kept: kept)
            let known = try JSONDecoder().decode([String: [String: JSONValue]].self, from: candidate.section())
            if found == known[key] { return candidate }
        }
        throw InputError(
            file: url.path, field: key,
            problem: "the model is quantized in a way that this version does not read",
            remedy: "start from the float model and quantize it with retort quantize")
    }

    /// Refuses names of kept parts that a model of this shape does not have.
    func check(_ configuration: EncoderConfiguration, file: String) throws {
        let members = Set(QuantizationGroup.all(of: configuration).flatMap(\.members))
        let errors = float.filter { !Self.alwaysFloat.contains($0) && !members.contains($0) }.map {
            InputError(file: file, field: "\(Self.key).float", problem: "the model has no part '\($0)'")
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    /// `config.json` of a quantized model: the text for the float model with this section as its last member.
    func json(extending configuration: EncoderConfiguration) throws -> Data {
        let section = try section()
        // Joined as text, because a generic JSON value would not keep how the numbers of the base are written.
        guard let end = try configuration.json().range(of: Data("\n}".utf8), options: .backwards)?.lowerBound else {
            preconditionFailure("EncoderConfiguration.json() is not an object over several lines")
        }
        return try configuration.json()[..<end] + Data(",".utf8) + section.dropFirst()
    }
    /// The section as an object of its own.
    private func section() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode([Self.key: self])
    }
}
