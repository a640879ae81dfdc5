import Files
public import Foundation

extension DecoderConfiguration {
    /// The fields of `config.json`; its keys are these names in snake case, those of published checkpoints.
    private struct File: Codable {
        var architectures: [String]?
        var modelType: String?
        var vocabSize: Int?
        var eosTokenId: TokenIds?
        var tieWordEmbeddings: Bool?
        // GPT-2
        var nEmbd: Int?
        var nLayer: Int?
        var nHead: Int?
        var nInner: Int?
        var nPositions: Int?
        var activationFunction: String?
        var layerNormEpsilon: Float?
        var residPdrop: Float?
        var scaleAttnWeights: Bool?
        var scaleAttnByInverseLayerIdx: Bool?
        var addCrossAttention: Bool?
        // Llama and Qwen2
        var hiddenSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var numKeyValueHeads: Int?
        var headDim: Int?
        var intermediateSize: Int?
        var maxPositionEmbeddings: Int?
        var hiddenAct: String?
        var rmsNormEps: Float?
        var attentionBias: Bool?
        var mlpBias: Bool?
        var attentionDropout: Float?
        var ropeTheta: Double?
        var ropeScaling: RotaryFile?
        var ropeParameters: RotaryFile?
        var useSlidingWindow: Bool?
        var layerTypes: [String]?
        // Ours
        var attentionHeadSize: Int?
        var layerAttentionHeads: [Int]?
        var layerKeyValueHeads: [Int]?
        var layerIntermediateSizes: [Int]?
        var quantizationConfig: Ignored?
    }

    /// Whatever stands there.
    private struct Ignored: Codable {}

    /// One id or several.
    private struct TokenIds: Codable {
        var ids: [Int32]

        init(_ ids: [Int32]) { self.ids = ids }

        init(from decoder: any Swift.Decoder) throws {
            let container = try decoder.singleValueContainer()
            ids = try (try? container.decode(Int32.self)).map { [$0] } ?? container.decode([Int32].self)
        }

        func encode(to encoder: any Swift.Encoder) throws {
            var container = encoder.singleValueContainer()
            if ids.count == 1 { try container.encode(ids[0]) } else { try container.encode(ids) }
        }
    }

    /// Rotary positions as files state them, under an older and a newer name.
    private struct RotaryFile: Codable {
        var ropeTheta: Double?
        var ropeType: String?
        var type: String?
        var factor: Double?
        var lowFreqFactor: Double?
        var highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Int?
        var betaFast: Double?
        var betaSlow: Double?
        var attentionFactor: Double?
        var mscale: Double?
        var mscaleAllDim: Double?
        var truncate: Bool?
    }

    /// Reads `config.json`.
    ///
    /// - Throws: `InputErrors` with every key that is missing, of the wrong type or beyond what the decoder computes.
    public init(reading url: URL) throws {
        let file: File
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            file = try decoder.decode(File.self, from: Data(contentsOf: url))
        } catch let error as DecodingError {
            throw InputError(file: url.path, problem: "not a model configuration: \(error.reason)")
        } catch {
            throw InputError(
                file: url.path, problem: "cannot be read",
                remedy: "a model directory holds config.json, the weights and tokenizer.json")
        }
        let families = Family.allCases.map(\.rawValue).joined(separator: ", ")
        guard let family = file.modelType.flatMap(Family.init) else {
            throw InputError(
                file: url.path, field: "model_type",
                problem: "found \(file.modelType ?? "nothing"); decoders of the types \(families) are read")
        }
        var fields = ConfigurationFields(file: url.path)
        switch family {
        case .gpt2: self.init(gpt2: file, &fields)
        case .llama, .qwen2: self.init(llama: file, family, &fields)
        }
        if file.quantizationConfig != nil {
            fields.refuse("quantization_config", "quantized checkpoints are read as GGUF files")
        }
        endTokens = file.eosTokenId?.ids ?? []
        checkLayers(file, &fields)
        if !fields.errors.isEmpty { throw InputErrors(fields.errors) }
        try readGeneration(beside: url)
    }

    private init(gpt2 file: File, _ fields: inout ConfigurationFields) {
        let width = fields.size("n_embd", file.nEmbd, limit: 1 << 16)
        let heads = fields.size("n_head", file.nHead, limit: 1 << 12)
        if file.attentionHeadSize == nil, width % heads != 0 {
            fields.refuse("n_head", "\(heads) heads do not divide n_embd, \(width)")
        }
        if file.scaleAttnWeights == false { fields.refuse("scale_attn_weights", "scores are always scaled by 1 / √D") }
        if file.scaleAttnByInverseLayerIdx == true {
            fields.refuse("scale_attn_by_inverse_layer_idx", "scores are scaled alike in all layers")
        }
        if file.addCrossAttention == true { fields.refuse("add_cross_attention", "there is no encoder to look at") }
        self.init(
            vocabularySize: fields.size("vocab_size", file.vocabSize), hiddenSize: width,
            layers: fields.size("n_layer", file.nLayer, limit: 1024), heads: min(heads, width),
            feedForward: fields.size("n_inner", file.nInner ?? 4 * width, limit: 1 << 20),
            maximumPositions: fields.size("n_positions", file.nPositions),
            dropout: fields.rate("resid_pdrop", file.residPdrop ?? 0.1))
        normEpsilon = fields.epsilon("layer_norm_epsilon", file.layerNormEpsilon ?? 1e-5)
        tiesEmbeddings = file.tieWordEmbeddings ?? true
        switch file.activationFunction ?? "gelu_new" {
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": activation = .geluTanh
        case "gelu": activation = .gelu
        case let other: fields.refuse("activation_function", "found \(other); gelu_new and gelu are computed")
        }
    }

    private init(llama file: File, _ family: Family, _ fields: inout ConfigurationFields) {
        let width = fields.size("hidden_size", file.hiddenSize, limit: 1 << 16)
        let heads = fields.size("num_attention_heads", file.numAttentionHeads, limit: 1 << 12)
        let keyHeads = fields.size("num_key_value_heads", file.numKeyValueHeads ?? heads, limit: 1 << 12)
        if file.headDim == nil, file.attentionHeadSize == nil, width % heads != 0 {
            fields.refuse("num_attention_heads", "\(heads) heads do not divide hidden_size, \(width)")
        }
        if let activation = file.hiddenAct, activation != "silu" {
            fields.refuse("hidden_act", "found \(activation); silu is computed")
        }
        if file.useSlidingWindow == true || file.layerTypes.map({ !$0.allSatisfy { $0 == "full_attention" } }) == true {
            fields.refuse("layer_types", "attention to a window of the text is not computed")
        }
        let hasBias = file.attentionBias ?? false
        self.init(
            llama: fields.size("vocab_size", file.vocabSize), hiddenSize: width,
            layers: fields.size("num_hidden_layers", file.numHiddenLayers, limit: 1024), heads: min(heads, width),
            keyHeads: keyHeads, feedForward: fields.size("intermediate_size", file.intermediateSize, limit: 1 << 20),
            maximumPositions: fields.size("max_position_embeddings", file.maxPositionEmbeddings ?? 2048),
            rotary: Self.rotary(file, &fields), tiesEmbeddings: file.tieWordEmbeddings ?? false,
            biases: family == .qwen2
                ? .queryKeyValue
                : DecoderBiases(query: hasBias, output: hasBias, feedForward: file.mlpBias ?? false))
        self.family = family
        if let size = file.headDim { headSize = fields.size("head_dim", size, limit: 1 << 12) }
        if headSize % 2 != 0 { fields.refuse("head_dim", "\(headSize) is odd, rotary positions turn pairs") }
        normEpsilon = fields.epsilon("rms_norm_eps", file.rmsNormEps ?? 1e-6)
        dropout = fields.rate("attention_dropout", file.attentionDropout ?? 0)
    }

    private static func rotary(_ file: File, _ fields: inout ConfigurationFields) -> RotaryPositions {
        let key = file.ropeParameters == nil ? "rope_scaling" : "rope_parameters"
        let stated = file.ropeParameters ?? file.ropeScaling
        let base = file.ropeTheta ?? stated?.ropeTheta ?? 10_000
        if !(base > 1 && base.isFinite) { fields.refuse("rope_theta", "found \(base), expected a number above 1") }
        func number(_ name: String, _ value: Double?) -> Double {
            guard let value, value > 0, value.isFinite else {
                let found = value.map { "\($0)" } ?? "nothing"
                fields.refuse("\(key).\(name)", "found \(found), expected a number above 0")
                return 1
            }
            return value
        }
        let original = stated?.originalMaxPositionEmbeddings ?? file.maxPositionEmbeddings ?? 2048
        if original < 1 { fields.refuse("\(key).original_max_position_embeddings", "found \(original)") }
        let scaling: RotaryPositions.Scaling?
        switch stated?.ropeType ?? stated?.type ?? "default" {
        case "default": scaling = nil
        case "linear": scaling = .linear(factor: number("factor", stated?.factor))
        case "llama3":
            let (low, high) = (
                number("low_freq_factor", stated?.lowFreqFactor), number("high_freq_factor", stated?.highFreqFactor)
            )
            if low >= high { fields.refuse("\(key).low_freq_factor", "\(low) is not below high_freq_factor, \(high)") }
            scaling = .llama3(
                factor: number("factor", stated?.factor), low: low, high: high, original: max(original, 1))
        case "yarn":
            if stated?.truncate == false { fields.refuse("\(key).truncate", "the ramp is between whole pairs") }
            let factor = number("factor", stated?.factor)
            func scale(_ factor: Double, _ weight: Double = 1) -> Double {
                factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1
            }
            let magnitude: Double
            if let own = stated?.attentionFactor {
                magnitude = own
            } else if let weight = stated?.mscale, let all = stated?.mscaleAllDim, weight != 0, all != 0 {
                magnitude = scale(factor, weight) / scale(factor, all)
            } else {
                magnitude = scale(factor)
            }
            scaling = .yarn(
                factor: factor, fast: number("beta_fast", stated?.betaFast ?? 32),
                slow: number("beta_slow", stated?.betaSlow ?? 1), original: max(original, 1), magnitude: magnitude)
        case let other:
            fields.refuse("\(key).rope_type", "found \(other); default, linear, llama3 and yarn are computed")
            scaling = nil
        }
        return RotaryPositions(base: base, scaling: scaling)
    }

    /// Takes up our own keys for uneven layers, and checks all layers.
    private mutating func checkLayers(_ file: File, _ fields: inout ConfigurationFields) {
        let layers = layers
        headSize = fields.size("attention_head_size", file.attentionHeadSize ?? headSize, limit: 1 << 12)
        heads = file.layerAttentionHeads ?? heads
        keyHeads = file.layerKeyValueHeads ?? (family == .gpt2 ? heads : keyHeads)
        feedForward = file.layerIntermediateSizes ?? feedForward
        for (key, values, limit) in [
            ("layer_attention_heads", heads, 1 << 12), ("layer_key_value_heads", keyHeads, 1 << 12),
            ("layer_intermediate_sizes", feedForward, 1 << 20),
        ] where values.count != layers || !values.allSatisfy((1...limit).contains) {
            fields.refuse(key, "found \(values), expected \(layers) numbers from 1 to \(limit)")
        }
        for (layer, (queries, keys)) in zip(heads, keyHeads).enumerated() where keys < 1 || queries % keys != 0 {
            fields.refuse(
                "num_key_value_heads", "\(keys) heads do not divide the \(queries) query heads of layer \(layer)")
            break
        }
    }
}

extension DecoderConfiguration {
    /// The text of `config.json`: sorted keys, the same bytes for the same configuration.
    public func json() throws -> Data {
        let isUniform = Set(heads).count == 1 && Set(keyHeads).count == 1 && Set(feedForward).count == 1
        let keepsWidth = isUniform && heads[0] * headSize == hiddenSize
        let published = max(1, hiddenSize / headSize)
        let isLlama = family != .gpt2
        var file = File()
        file.architectures = [
            [.gpt2: "GPT2LMHeadModel", .llama: "LlamaForCausalLM", .qwen2: "Qwen2ForCausalLM"][family]!
        ]
        file.modelType = family.rawValue
        file.vocabSize = vocabularySize
        file.eosTokenId = endTokens.isEmpty ? nil : TokenIds(endTokens)
        file.tieWordEmbeddings = tiesEmbeddings
        if isLlama {
            file.hiddenSize = hiddenSize
            file.numHiddenLayers = layers
            file.numAttentionHeads = isUniform ? heads[0] : published
            file.numKeyValueHeads = isUniform ? keyHeads[0] : published
            file.headDim = headSize
            file.intermediateSize = feedForward.max()
            file.maxPositionEmbeddings = maximumPositions
            file.hiddenAct = "silu"
            file.rmsNormEps = normEpsilon
            file.attentionBias = biases.hasOutput
            file.mlpBias = biases.hasFeedForward
            file.attentionDropout = dropout
            file.ropeTheta = rotary?.base
            file.ropeScaling = rotary?.scaling.flatMap(Self.rotaryFile)
        } else {
            file.nEmbd = hiddenSize
            file.nLayer = layers
            file.nHead = keepsWidth ? heads[0] : published
            file.nInner = feedForward.max()
            file.nPositions = maximumPositions
            file.activationFunction = activation == .gelu ? "gelu" : "gelu_new"
            file.layerNormEpsilon = normEpsilon
            file.residPdrop = dropout
        }
        if !(isLlama ? isUniform : keepsWidth) {
            file.attentionHeadSize = headSize
            file.layerAttentionHeads = heads
            file.layerKeyValueHeads = keyHeads
            file.layerIntermediateSizes = feedForward
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(file)
    }

    private static func rotaryFile(_ scaling: RotaryPositions.Scaling) -> RotaryFile? {
        switch scaling {
        case .linear(let factor): return RotaryFile(ropeType: "linear", factor: factor)
        case .llama3(let factor, let low, let high, let original):
            return RotaryFile(
                ropeType: "llama3", factor: factor, lowFreqFactor: low, highFreqFactor: high,
                originalMaxPositionEmbeddings: original)
        case .yarn(let factor, let fast, let slow, let original, let magnitude):
            return RotaryFile(
                ropeType: "yarn", factor: factor, originalMaxPositionEmbeddings: original, betaFast: fast,
                betaSlow: slow, attentionFactor: magnitude)
        case .factors: return nil
        }
    }
}

/// Reads numbers from a configuration and gathers what is wrong with them.
struct ConfigurationFields {
    let file: String
    private(set) var errors: [InputError] = []

    init(file: String) { self.file = file }

    mutating func refuse(_ key: String, _ problem: String) {
        errors.append(InputError(file: file, field: key, problem: problem))
    }

    /// A number of things, from 1 to `limit`; 1 where it is refused.
    mutating func size(_ key: String, _ value: Int?, limit: Int = 1 << 24) -> Int {
        guard let value, (1...limit).contains(value) else {
            refuse(key, "found \(value.map(String.init) ?? "nothing"), expected a number from 1 to \(limit)")
            return 1
        }
        return value
    }

    mutating func epsilon(_ key: String, _ value: Float) -> Float {
        if !(value > 0 && value.isFinite) { refuse(key, "found \(value), expected a number above 0") }
        return value
    }

    mutating func rate(_ key: String, _ value: Float) -> Float {
        if !(0..<1).contains(value) { refuse(key, "found \(value), expected a number from 0 to below 1") }
        return value
    }
}

extension DecodingError {
    /// What is wrong, and with which key.
    var reason: String {
        func path(_ context: Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
        switch self {
        case .typeMismatch(let type, let context): return "\(path(context)) is not a \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)) is null, expected a \(type)"
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(self)"
        }
    }
}
