import Files
import Formats
import Models

extension DecoderConfiguration {
    /// The shape that a GGUF file's metadata states.
    ///
    /// - Throws: `InputError` naming the key if the model is of another kind, or a number is missing or impossible.
    init(_ file: GGUFFile) throws {
        let architecture = try file.string("general.architecture")
        guard ["llama", "qwen2", "deci", "gpt2"].contains(architecture) else {
            throw InputError(
                file: file.path, field: "general.architecture",
                problem: "found \(architecture); llama, qwen2, deci and gpt2 are read from GGUF files")
        }
        let isGPT2 = architecture == "gpt2"
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        func refuse(_ name: String, _ problem: String) -> InputError {
            InputError(file: file.path, field: key(name), problem: problem)
        }
        func size(_ name: String, limit: Int) throws -> Int {
            let value = try file.integer(key(name))
            guard (1...limit).contains(value) else {
                throw refuse(name, "found \(value), expected a number from 1 to \(limit)")
            }
            return value
        }
        let layers = try size("block_count", limit: 1024)
        /// One number for all layers, or one for each, of which some may be 0.
        func sizes(_ name: String, limit: Int) throws -> [Int] {
            guard case .array = file.value(key(name)) else {
                return Array(repeating: try size(name, limit: limit), count: layers)
            }
            let array = try file.integers(key(name))
            guard array.count == layers, array.allSatisfy((0...limit).contains) else {
                throw refuse(name, "expected \(layers) numbers from 0 to \(limit), found \(array)")
            }
            return array
        }
        if let experts = try file.integerIfPresent(key("expert_count")), experts > 0 {
            throw refuse("expert_count", "mixtures of experts are not computed")
        }
        let width = try size("embedding_length", limit: 1 << 16)
        let heads = try sizes("attention.head_count", limit: 1 << 12)
        let keyHeads =
            file.value(key("attention.head_count_kv")) == nil
            ? heads : try sizes("attention.head_count_kv", limit: 1 << 12)
        for (layer, (queries, keys)) in zip(heads, keyHeads).enumerated() where !Self.shares(queries, keys) {
            throw refuse(
                "attention.head_count_kv", "\(keys) heads do not divide the \(queries) query heads of layer \(layer)")
        }
        let most = max(1, heads.first { $0 > 0 } ?? 1)
        let headSize = try file.integerIfPresent(key("attention.key_length")) ?? width / most
        let turned = isGPT2 ? headSize : try file.integerIfPresent(key("rope.dimension_count")) ?? headSize
        guard (2...1 << 12).contains(headSize), headSize % 2 == 0, turned == headSize else {
            throw refuse(
                "rope.dimension_count", "\(turned) of \(headSize) components are turned, expected all of an even number"
            )
        }
        guard let table = file["token_embd.weight"], table.shape.count == 2, table.shape[1] == width,
            (1...1 << 24).contains(table.shape[0])
        else {
            throw InputError(
                file: file.path, field: "token_embd.weight",
                problem: "expected a table with rows of \(width), found \(file["token_embd.weight"]?.shape ?? [])")
        }
        self.init(
            llama: table.shape[0], hiddenSize: width, layers: layers, heads: most, keyHeads: most,
            feedForward: 1, maximumPositions: try size("context_length", limit: 1 << 24),
            rotary: try Self.rotary(file, architecture, headSize: headSize),
            tiesEmbeddings: file["output.weight"] == nil,
            biases: file["blk.0.attn_q.bias"] == nil ? .none : .queryKeyValue)
        family = isGPT2 ? .gpt2 : architecture == "qwen2" ? .qwen2 : .llama
        if isGPT2 { (rotary, activation, biases) = (nil, .geluTanh, .all) }
        self.headSize = headSize
        self.heads = heads
        self.keyHeads = keyHeads
        feedForward = try sizes("feed_forward_length", limit: 1 << 20)
        let epsilonKey = isGPT2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"
        let epsilon = try file.number(key(epsilonKey))
        guard Float(epsilon) > 0, Float(epsilon).isFinite else {
            throw refuse(epsilonKey, "found \(epsilon), expected a number above 0")
        }
        normEpsilon = Float(epsilon)
        endTokens = try ["eos", "eot"].compactMap { try file.integerIfPresent("tokenizer.ggml.\($0)_token_id") }
            .filter((0..<table.shape[0]).contains).map(Int32.init)
    }

    private static func rotary(_ file: GGUFFile, _ architecture: String, headSize: Int) throws -> RotaryPositions {
        func key(_ name: String) -> String { "\(architecture).rope.\(name)" }
        func refuse(_ field: String, _ problem: String) -> InputError {
            InputError(file: file.path, field: field, problem: problem)
        }
        let base = try file.numberIfPresent(key("freq_base")) ?? 10_000
        guard base > 1, base.isFinite else {
            throw refuse(key("freq_base"), "found \(base), expected a number above 1")
        }
        if let factors = file["rope_freqs.weight"] {
            guard factors.shape == [headSize / 2] else {
                throw refuse("rope_freqs.weight", "found shape \(factors.shape), expected \([headSize / 2])")
            }
            let values = try factors.float32().map(Double.init)
            guard values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw refuse("rope_freqs.weight", "expected numbers above 0, found \(values)")
            }
            return RotaryPositions(base: base, scaling: .factors(values))
        }
        switch try file.stringIfPresent(key("scaling.type")) ?? "none" {
        case "none": return RotaryPositions(base: base)
        case "linear":
            let factor = try file.number(key("scaling.factor"))
            guard factor > 0, factor.isFinite else {
                throw refuse(key("scaling.factor"), "found \(factor), expected a number above 0")
            }
            return RotaryPositions(base: base, scaling: .linear(factor: factor))
        case let other:
            throw refuse(key("scaling.type"), "found \(other); none and linear are computed from GGUF files")
        }
    }
}
