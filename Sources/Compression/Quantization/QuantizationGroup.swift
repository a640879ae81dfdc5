import Files
import Layers
public import Models

/// Parts of an encoder that are rounded together or stay float together: the tables, or layers that read one input.
public struct QuantizationGroup: Equatable, Sendable {
    /// As recipes and tables name it: `embeddings`, `layer.0.attention.self`, `layer.0.attention.output`,
    /// `layer.0.intermediate`, `layer.0.output`, `pooler`.
    public let name: String
    /// Names of the layers and tables, without `.weight`.
    public let members: [String]

    /// The groups of a model of this shape, in the order in which forward meets them.
    ///
    /// The classifier is in none: it holds a few rows, and its rounding would show in the logits directly.
    public static func all(of configuration: EncoderConfiguration) -> [QuantizationGroup] {
        var tables = ["word_embeddings", "position_embeddings"]
        if configuration.tokenTypes > 0 { tables.append("token_type_embeddings") }
        var groups = [QuantizationGroup(name: "embeddings", members: tables.map { "bert.embeddings." + $0 })]
        for layer in 0..<configuration.layers {
            let (own, published) = ("layer.\(layer).", "bert.encoder.layer.\(layer).")
            groups += [
                QuantizationGroup(
                    name: own + "attention.self",
                    members: ["query", "key", "value"].map { published + "attention.self." + $0 }),
                QuantizationGroup(name: own + "attention.output", members: [published + "attention.output.dense"]),
                QuantizationGroup(name: own + "intermediate", members: [published + "intermediate.dense"]),
                QuantizationGroup(name: own + "output", members: [published + "output.dense"]),
            ]
        }
        if configuration.classifies { groups.append(QuantizationGroup(name: "pooler", members: ["bert.pooler.dense"])) }
        return groups
    }

    /// The groups of these names.
    ///
    /// - Throws: `InputErrors` naming every name that there is not, with the nearest one.
    public static func named(_ names: [String], of configuration: EncoderConfiguration) throws -> [QuantizationGroup] {
        let groups = all(of: configuration)
        let errors = names.filter { name in !groups.contains { $0.name == name } }.map { name in
            InputError(
                field: name, problem: "the model has no such part to quantize",
                remedy: nearestName(to: name, among: groups.map(\.name)).map { "did you mean '\($0)'?" }
                    ?? "the parts are \(groups.map(\.name).joined(separator: ", "))")
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        return groups.filter { names.contains($0.name) }
    }
}

extension Encoder {
    /// The linear layers that are quantized; those of one group read the same input.
    var quantizedGroups: [[Linear]] {
        layers.flatMap { [[$0.query, $0.key, $0.value], [$0.attentionOutput], [$0.intermediate], [$0.output]] }
            + (pooler.map { [[$0]] } ?? [])
    }

    /// The embedding tables.
    var embeddings: [Embedding] { [wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings].compactMap { $0 } }
}
