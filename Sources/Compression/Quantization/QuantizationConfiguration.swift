import Files
import Foundation
import Models

/// The `quantization_config` section of a quantized model's `config.json`: how its numbers are to be read.
struct QuantizationConfiguration: Codable, Equatable {
    struct Format: Codable, Equatable {
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

    private struct File: Codable {
        var quantizationConfig: QuantizationConfiguration?
    }

    /// The section of a `config.json`, or nil where the model is not quantized.
    ///
    /// - Throws: `InputError` if the file cannot be read or has a section that this version does not know.
    static func read(_ url: URL) throws -> QuantizationConfiguration? {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let content: Data
        do {
            content = try Data(contentsOf: url)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot be read",
                remedy: "a model directory holds config.json, model.safetensors and tokenizer.json")
        }
        do {
            let found = try decoder.decode(File.self, from: content).quantizationConfig
            if found == nil || found == current { return found }
        } catch is DecodingError {
            // Other tools write sections of other shapes; the error below is theirs too.
        }
        throw InputError(
            file: url.path, field: "quantization_config",
            problem: "the model is quantized in a way that this version does not read",
            remedy: "start from the float model and quantize it with retort quantize")
    }

    /// `config.json` of a quantized model: the text for the float model with this section as its last member.
    func json(extending configuration: EncoderConfiguration) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let section = try encoder.encode(File(quantizationConfig: self))
        // Joined as text, because a generic JSON value would not keep how the numbers of the base are written.
        guard let end = try configuration.json().range(of: Data("\n}".utf8), options: .backwards)?.lowerBound else {
            preconditionFailure("EncoderConfiguration.json() is not an object over several lines")
        }
        return try configuration.json()[..<end] + Data(",".utf8) + section.dropFirst()
    }
}
