import Files
public import Foundation
import Tensors

extension EncoderConfiguration {
    /// Reads `config.json` and, for sentence embeddings, the `modules.json` beside it.
    ///
    /// - Throws: `InputErrors` with every key that is missing, of the wrong type or beyond what the encoder computes.
    public init(reading url: URL) throws {
        var file = try ConfigurationReader(reading: url)
        family = .bert
        if let type = file.text("model_type") ?? (file.has("model_type") ? nil : "nothing") {
            if let known = Family(rawValue: type) {
                family = known
            } else {
                file.refuse(
                    "model_type", "found \(type), which no encoder here computes",
                    remedy: "encoders are read of the types \(Family.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }
        let keys = Keys(family)
        vocabularySize = file.size("vocab_size")
        hiddenSize = file.size(keys.hiddenSize, limit: 1 << 16)
        let layers = file.size(keys.layers, limit: 1024)
        let uniformHeads = file.size(keys.heads, limit: 1 << 12)
        let uniformFeedForward = file.size(keys.feedForward, limit: 1 << 20)
        if file.has("attention_head_size") {
            headSize = file.size("attention_head_size", limit: 1 << 12)
        } else {
            headSize = Swift.max(1, hiddenSize / uniformHeads)
            if file.isSound(keys.hiddenSize, keys.heads), hiddenSize % uniformHeads != 0 {
                file.refuse(keys.heads, "\(uniformHeads) heads do not divide the \(keys.hiddenSize) \(hiddenSize)")
            }
        }
        heads = Self.heads(from: &file, uniform: Array(repeating: uniformHeads, count: layers))
        feedForward = file.sizes(
            "layer_intermediate_sizes", least: 0, limit: 1 << 20,
            standard: Array(repeating: uniformFeedForward, count: layers))
        activation = Self.activation(keys.activation, from: &file)
        positionOffset = keys.paddedPositions ? file.size("pad_token_id", standard: 1, least: 0) + 1 : 0
        maximumPositions =
            file.size("max_position_embeddings", least: positionOffset + 1, limit: 1 << 24) - positionOffset
        tokenTypes = keys.tokenTypes ? file.size("type_vocab_size", standard: 2, limit: 1 << 12) : 0
        layerNormEpsilon = Float(file.positive("layer_norm_eps", standard: 1e-12))
        hiddenDropout = file.rate(keys.hiddenDropout, standard: 0.1)
        attentionDropout = file.rate(keys.attentionDropout, standard: 0.1)
        if file.has(keys.headDropout) {
            headDropout = file.rate(keys.headDropout, standard: 0.1)
        } else if family == .distilbert {
            headDropout = 0.2
        }
        pooling = .first
        if let name = file.text("pooling") {
            pooling = Pooling(rawValue: name) ?? .max
            if pooling == .max { file.refuse("pooling", "found \(name), expected first or mean") }
        }
        labels = []
        Self.refuseOtherForms(&file)
        try readHead(from: &file, beside: url)
        try file.finish()
    }

    /// Heads per layer: our own list, or the uniform number without published `pruned_heads`.
    private static func heads(from file: inout ConfigurationReader, uniform: [Int]) -> [Int] {
        guard let pruned = file.object("pruned_heads"), !pruned.isEmpty else {
            return file.sizes("layer_attention_heads", least: 0, limit: 1 << 12, standard: uniform)
        }
        if file.has("layer_attention_heads") {
            file.refuse("pruned_heads", "layer_attention_heads is given as well", remedy: "leave one of the two out")
        }
        var heads = uniform
        for (layer, removed) in pruned.sorted(by: { $0.key < $1.key }) {
            let numbers: [Int]? =
                if case .array(let elements) = removed {
                    elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
                } else {
                    nil
                }
            guard let index = Int(layer), heads.indices.contains(index), let numbers,
                Set(numbers).count == numbers.count, numbers.allSatisfy((0..<uniform[index]).contains),
                .array(numbers.map { .integer($0) }) == removed
            else {
                file.refuse(
                    "pruned_heads", "\"\(layer)\": \(removed.text) names no layer, or no distinct heads of it",
                    remedy: "there are \(uniform.count) layers of \(uniform.first ?? 0) heads, counted from 0")
                continue
            }
            heads[index] -= numbers.count
        }
        return heads
    }

    private static func activation(_ key: String, from file: inout ConfigurationReader) -> Activation {
        guard let name = file.text(key) else { return .gelu }
        switch name {
        case "gelu", "gelu_python": return .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate": return .geluTanh
        case "relu": return .relu
        default:
            file.refuse(
                key, "found \(name), which is not computed here",
                remedy: "gelu, gelu_new, gelu_pytorch_tanh and relu are")
            return .gelu
        }
    }

    /// Keys that would change the computation into one that is not done here.
    private static func refuseOtherForms(_ file: inout ConfigurationReader) {
        if let kind = file.text("position_embedding_type"), kind != "absolute" {
            file.refuse(
                "position_embedding_type", "found \(kind), which is not computed here",
                remedy: "absolute positions are")
        }
        for key in ["is_decoder", "add_cross_attention", "is_encoder_decoder"]
        where file.flag(key, standard: false) {
            file.refuse(key, "found true: an encoder has neither a causal mask nor cross attention")
        }
    }
}

extension EncoderConfiguration {
    /// What a family calls the keys that the others have under other names.
    struct Keys {
        let hiddenSize: String
        let layers: String
        let heads: String
        let feedForward: String
        let activation: String
        let hiddenDropout: String
        let attentionDropout: String
        let headDropout: String
        /// Whether positions count from `pad_token_id` + 1.
        let paddedPositions: Bool
        let tokenTypes: Bool

        init(_ family: Family) {
            let distilled = family == .distilbert
            hiddenSize = distilled ? "dim" : "hidden_size"
            layers = distilled ? "n_layers" : "num_hidden_layers"
            heads = distilled ? "n_heads" : "num_attention_heads"
            feedForward = distilled ? "hidden_dim" : "intermediate_size"
            activation = distilled ? "activation" : "hidden_act"
            hiddenDropout = distilled ? "dropout" : "hidden_dropout_prob"
            attentionDropout = distilled ? "attention_dropout" : "attention_probs_dropout_prob"
            headDropout = distilled ? "seq_classif_dropout" : "classifier_dropout"
            paddedPositions = family == .roberta || family == .xlmRoberta
            tokenTypes = !distilled
        }
    }
}
