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

    /// What this version writes, and all that it reads.
    static let current = QuantizationConfiguration(
        quantMethod: "retort", version: 1, bits: 8,
        weights: Format(type: "int8", symmetric: true, granularity: "channel"),
        activations: Format(type: "uint8", symmetric: false, granularity: "tensor"),
        embeddings: Format(type: "int8", symmetric: true, granularity: "row"),
        float: ["attention_products", "classifier", "gelu", "norms", "residual_stream", "softmax"])

    private static let key = "quantization_config"

    /// Whether a `config.json` has the section.
    ///
    /// - Throws: `InputError` if the file cannot be read or has a section that this version does not know.
    static func stands(in url: URL) throws -> Bool {
        var file = try ConfigurationReader(reading: url)
        guard file.has(key) else { return false }
        let known = try JSONDecoder().decode([String: [String: JSONValue]].self, from: current.section())
        if file.object(key) == known[key] { return true }
        throw InputError(
            file: url.path, field: key,
            problem: "the model is quantized in a way that this version does not read",
            remedy: "start from the float model and quantize it with retort quantize")
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
