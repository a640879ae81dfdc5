import Files
public import Foundation

extension DecoderConfiguration {
    /// Reads `config.json`.
    ///
    /// - Throws: `InputErrors` with every key that is missing, of the wrong type or beyond what the decoder computes;
    ///   `InputError` where the file cannot be read or is of no decoder.
    public init(reading url: URL) throws {
        var file = try ConfigurationReader(reading: url)
        let type = file.text("model_type")
        guard let family = type.flatMap(Family.init) else {
            try file.finish()
            let families = Family.allCases.map(\.rawValue).joined(separator: ", ")
            throw InputError(
                file: url.path, field: "model_type",
                problem: "found \(type ?? "nothing"); decoders of the types \(families) are read")
        }
        switch family {
        case .gpt2: self.init(gpt2: &file)
        case .llama, .qwen2: self.init(llama: &file, family)
        }
        Self.checkQuantization(&file)
        endTokens = file.ids("eos_token_id")
        readLayers(from: &file)
        try file.finish()
        try readGeneration(beside: url)
    }

    /// Refuses `quantization_config` unless it is of int4 weights alone, as they are written here.
    private static func checkQuantization(_ file: inout ConfigurationReader) {
        let section = "quantization_config"
        guard file.has(section) else { return }
        let groups = file.object("\(section).config_groups") ?? [:]
        var isRead =
            file.text("\(section).quant_method") == "compressed-tensors"
            && file.text("\(section).format") == "pack-quantized" && !groups.isEmpty
        for name in groups.keys {
            let weights = "\(section).config_groups.\(name).weights"
            isRead =
                isRead && file.size("\(weights).num_bits", standard: 0) == 4 && file.text("\(weights).type") == "int"
                && file.flag("\(weights).symmetric", standard: false)
                && !file.has("\(section).config_groups.\(name).input_activations")
        }
        if !isRead {
            file.refuse(
                section, "quantized checkpoints are read as GGUF files, and as symmetric int4 of compressed-tensors",
                remedy: "export the model as GGUF with the tool that quantized it")
        }
    }

    private init(gpt2 file: inout ConfigurationReader) {
        let width = file.size("n_embd", limit: 1 << 16)
        let heads = file.size("n_head", limit: 1 << 12)
        if !file.has("attention_head_size"), file.isSound("n_embd", "n_head"), width % heads != 0 {
            file.refuse("n_head", "\(heads) heads do not divide n_embd, \(width)")
        }
        if !file.flag("scale_attn_weights", standard: true) {
            file.refuse("scale_attn_weights", "scores are always scaled by 1 / √D")
        }
        if file.flag("scale_attn_by_inverse_layer_idx", standard: false) {
            file.refuse("scale_attn_by_inverse_layer_idx", "scores are scaled alike in all layers")
        }
        if file.flag("add_cross_attention", standard: false) {
            file.refuse("add_cross_attention", "there is no encoder to look at")
        }
        self.init(
            vocabularySize: file.size("vocab_size"), hiddenSize: width, layers: file.size("n_layer", limit: 1024),
            heads: min(heads, width), feedForward: file.size("n_inner", standard: 4 * width, limit: 1 << 20),
            maximumPositions: file.size("n_positions"), dropout: file.rate("resid_pdrop", standard: 0.1))
        normEpsilon = Float(file.positive("layer_norm_epsilon", standard: 1e-5))
        tiesEmbeddings = file.flag("tie_word_embeddings", standard: true)
        switch file.text("activation_function") ?? "gelu_new" {
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": activation = .geluTanh
        case "gelu": activation = .gelu
        case let other: file.refuse("activation_function", "found \(other); gelu_new and gelu are computed")
        }
    }

    private init(llama file: inout ConfigurationReader, _ family: Family) {
        let width = file.size("hidden_size", limit: 1 << 16)
        let heads = file.size("num_attention_heads", limit: 1 << 12)
        let keyHeads = file.size("num_key_value_heads", standard: heads, limit: 1 << 12)
        let isSound = file.isSound("hidden_size", "num_attention_heads")
        if !file.has("head_dim"), !file.has("attention_head_size"), isSound, width % heads != 0 {
            file.refuse("num_attention_heads", "\(heads) heads do not divide hidden_size, \(width)")
        }
        if let activation = file.text("hidden_act"), activation != "silu" {
            file.refuse("hidden_act", "found \(activation); silu is computed")
        }
        let seesAll = file.texts("layer_types")?.allSatisfy { $0 == "full_attention" } ?? true
        if file.flag("use_sliding_window", standard: false) || !seesAll {
            file.refuse("layer_types", "attention to a window of the text is not computed")
        }
        let hasBias = file.flag("attention_bias", standard: false)
        let hasFeedForwardBias = file.flag("mlp_bias", standard: false)
        let positions = file.size("max_position_embeddings", standard: 2048)
        self.init(
            llama: file.size("vocab_size"), hiddenSize: width, layers: file.size("num_hidden_layers", limit: 1024),
            heads: min(heads, width), keyHeads: keyHeads, feedForward: file.size("intermediate_size", limit: 1 << 20),
            maximumPositions: positions, rotary: RotaryPositions(from: &file, longest: positions),
            tiesEmbeddings: file.flag("tie_word_embeddings", standard: false),
            biases: family == .qwen2
                ? .queryKeyValue
                : DecoderBiases(query: hasBias, output: hasBias, feedForward: hasFeedForwardBias))
        self.family = family
        headSize = file.size("head_dim", standard: headSize, limit: 1 << 12)
        if isSound, headSize % 2 != 0 { file.refuse("head_dim", "\(headSize) is odd, rotary positions turn pairs") }
        normEpsilon = Float(file.positive("rms_norm_eps", standard: 1e-6))
        dropout = file.rate("attention_dropout", standard: 0)
    }

    /// Takes up our own keys for uneven layers, and checks all layers.
    private mutating func readLayers(from file: inout ConfigurationReader) {
        headSize = file.size("attention_head_size", standard: headSize, limit: 1 << 12)
        heads = file.sizes("layer_attention_heads", least: 0, limit: 1 << 12, standard: heads)
        keyHeads = file.sizes(
            "layer_key_value_heads", least: 0, limit: 1 << 12, standard: family == .gpt2 ? heads : keyHeads)
        feedForward = file.sizes("layer_intermediate_sizes", least: 0, limit: 1 << 20, standard: feedForward)
        let areSound = file.isSound(
            "hidden_size", "num_attention_heads", "num_key_value_heads", "layer_attention_heads",
            "layer_key_value_heads")
        guard areSound else { return }
        for (layer, (queries, keys)) in zip(heads, keyHeads).enumerated() where !Self.shares(queries, keys) {
            file.refuse(
                "num_key_value_heads", "\(keys) heads do not divide the \(queries) query heads of layer \(layer)")
            break
        }
    }

    /// Whether so many query heads can share so many heads of keys and values.
    public static func shares(_ queries: Int, _ keys: Int) -> Bool {
        keys == 0 ? queries == 0 : queries > 0 && queries.isMultiple(of: keys)
    }
}

extension RotaryPositions {
    /// Reads `rope_theta` and `rope_parameters`, whose older name is `rope_scaling`.
    ///
    /// - Parameter longest: positions of the model, over which it was trained where nothing else is said.
    fileprivate init(from file: inout ConfigurationReader, longest: Int) {
        let section = file.has("rope_parameters") ? "rope_parameters" : "rope_scaling"
        // Anything but an object is noted; it has none of the keys.
        _ = file.object(section)
        func key(_ name: String) -> String { "\(section).\(name)" }
        base = file.number(
            file.has("rope_theta") ? "rope_theta" : key("rope_theta"), standard: 10_000, "a number above 1"
        ) { $0 > 1 }
        switch file.text(key("rope_type")) ?? file.text(key("type")) ?? "default" {
        case "default": scaling = nil
        case "linear": scaling = .linear(factor: file.positive(key("factor")))
        case "llama3":
            let (low, high) = (file.positive(key("low_freq_factor")), file.positive(key("high_freq_factor")))
            if low >= high { file.refuse(key("low_freq_factor"), "\(low) is not below high_freq_factor, \(high)") }
            scaling = .llama3(
                factor: file.positive(key("factor")), low: low, high: high,
                original: file.size(key("original_max_position_embeddings"), standard: longest))
        case "yarn":
            if !file.flag(key("truncate"), standard: true) {
                file.refuse(key("truncate"), "the ramp is between whole pairs")
            }
            let factor = file.positive(key("factor"))
            scaling = .yarn(
                factor: factor, fast: file.positive(key("beta_fast"), standard: 32),
                slow: file.positive(key("beta_slow"), standard: 1),
                original: file.size(key("original_max_position_embeddings"), standard: longest),
                magnitude: Self.magnitude(from: &file, section, factor: factor))
        case let other:
            file.refuse(key("rope_type"), "found \(other); default, linear, llama3 and yarn are computed")
            scaling = nil
        }
    }

    /// YaRN's, stated or as published implementations work it out: 0.1 · ln(factor) + 1 (arXiv 2309.00071, section 3.4),
    /// or the quotient of two such numbers with weights.
    private static func magnitude(from file: inout ConfigurationReader, _ section: String, factor: Double) -> Double {
        if file.has("\(section).attention_factor") { return file.positive("\(section).attention_factor") }
        func weight(_ name: String) -> Double {
            file.number("\(section).\(name)", standard: 0, "a number from 0") { $0 >= 0 }
        }
        func scale(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
        let (weight, all) = (weight("mscale"), weight("mscale_all_dim"))
        return weight != 0 && all != 0 ? scale(weight) / scale(all) : scale(1)
    }
}
