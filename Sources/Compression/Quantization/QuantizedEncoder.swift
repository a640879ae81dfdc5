import Files
public import Models
public import Tensors

/// An encoder as int8 stores it: what the integer runtime runs, and what INT8 files hold.
///
/// Linear layers have int8 weights with a scale per output channel and inputs in unsigned 8-bit integers with a fixed
/// scale and zero point; embedding tables have int8 rows with a scale each. Biases, norms and the classifier are float.
/// Names are those of published BERT checkpoints, without `.weight`.
public struct QuantizedEncoder: Equatable, Sendable {
    public let configuration: EncoderConfiguration
    public let wordEmbeddings: QuantizedTable
    public let positionEmbeddings: QuantizedTable
    /// Nil in families without token types.
    public let tokenTypeEmbeddings: QuantizedTable?
    public let embeddingNorm: FloatNorm
    public let layers: [QuantizedEncoderLayer]
    /// Of classification and regression, as `classifier` is.
    public let pooler: QuantizedLinear?
    public let classifier: FloatLinear?

    /// Rounds a trained encoder.
    ///
    /// After training with `QuantizationSimulation` and the same ranges, the result computes what the simulation did.
    ///
    /// - Throws: `InputError` naming a layer whose range is missing or empty, whose weights are not finite, or that has
    ///   more inputs than the integer product takes.
    public init(_ encoder: Encoder, ranges: ActivationRanges) throws {
        var source = RoundedWeights(of: encoder, ranges: ranges)
        try self.init(encoder.configuration, from: &source)
    }

    /// Asks `source` for every part, with the name and the shape that the configuration gives it.
    init(_ configuration: EncoderConfiguration, from source: inout some QuantizedWeightSource) throws {
        guard configuration.head != .maskedLanguageModel else {
            throw InputError(
                problem: "the int8 form has heads for classification, regression and embedding, not for masked words",
                remedy: "keep this model in float")
        }
        try configuration.requireWholeBlocks()
        let width = configuration.hiddenSize
        let inputs = configuration.feedForward + configuration.heads.map { $0 * configuration.headSize } + [width]
        let deepest = inputs.reduce(0, max)
        guard deepest <= PackedInt8Weight.maximumDepth else {
            throw InputError(
                problem:
                    "a layer has \(deepest) inputs; the int8 product takes at most \(PackedInt8Weight.maximumDepth)",
                remedy: "keep this model in float")
        }
        self.configuration = configuration
        wordEmbeddings = try source.table(
            "bert.embeddings.word_embeddings", rows: configuration.vocabularySize, width: width)
        positionEmbeddings = try source.table(
            "bert.embeddings.position_embeddings", rows: configuration.maximumPositions + configuration.positionOffset,
            width: width)
        tokenTypeEmbeddings =
            try configuration.tokenTypes > 0
            ? source.table("bert.embeddings.token_type_embeddings", rows: configuration.tokenTypes, width: width) : nil
        embeddingNorm = try source.norm("bert.embeddings.LayerNorm", width: width)
        layers = try (0..<configuration.layers).map {
            try QuantizedEncoderLayer(index: $0, configuration, from: &source)
        }
        pooler =
            try configuration.classifies ? source.linear("bert.pooler.dense", output: width, input: width) : nil
        classifier =
            try configuration.classifies
            ? source.floatLinear("classifier", output: configuration.labels.count, input: width) : nil
    }

    /// All embedding tables, in the order of the file.
    var tables: [QuantizedTable] { [wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings].compactMap { $0 } }
    /// All quantized linear layers, in the order in which forward meets them.
    var linears: [QuantizedLinear] { layers.flatMap(\.linears) + [pooler].compactMap { $0 } }
    /// All layer norms, in the order in which forward meets them.
    var norms: [FloatNorm] { [embeddingNorm] + layers.flatMap { [$0.attentionNorm, $0.outputNorm] } }
}

/// One block of a `QuantizedEncoder`; query, key and value have the same input quantization.
public struct QuantizedEncoderLayer: Equatable, Sendable {
    public let query: QuantizedLinear
    public let key: QuantizedLinear
    public let value: QuantizedLinear
    public let attentionOutput: QuantizedLinear
    public let attentionNorm: FloatNorm
    public let intermediate: QuantizedLinear
    public let output: QuantizedLinear
    public let outputNorm: FloatNorm

    fileprivate init(
        index: Int, _ configuration: EncoderConfiguration, from source: inout some QuantizedWeightSource
    ) throws {
        let prefix = "bert.encoder.layer.\(index)."
        let (width, inner) = (configuration.hiddenSize, configuration.feedForward[index])
        let attention = configuration.heads[index] * configuration.headSize
        query = try source.linear(prefix + "attention.self.query", output: attention, input: width)
        key = try source.linear(prefix + "attention.self.key", output: attention, input: width)
        value = try source.linear(prefix + "attention.self.value", output: attention, input: width)
        attentionOutput = try source.linear(prefix + "attention.output.dense", output: width, input: attention)
        attentionNorm = try source.norm(prefix + "attention.output.LayerNorm", width: width)
        intermediate = try source.linear(prefix + "intermediate.dense", output: inner, input: width)
        output = try source.linear(prefix + "output.dense", output: width, input: inner)
        outputNorm = try source.norm(prefix + "output.LayerNorm", width: width)
    }

    var linears: [QuantizedLinear] { [query, key, value, attentionOutput, intermediate, output] }
}

/// An embedding table in int8 with a scale per row.
public struct QuantizedTable: Equatable, Sendable {
    public let name: String
    /// [V, C].
    public let rows: Int8Matrix
}

/// A linear layer with int8 weights: weight [O, I], bias [O].
public struct QuantizedLinear: Equatable, Sendable {
    public let name: String
    public let weight: Int8Matrix
    public let bias: [Float]
    public let input: UInt8Quantization
}

/// A layer norm's scale and shift: [C] each.
public struct FloatNorm: Equatable, Sendable {
    public let name: String
    public let gamma: [Float]
    public let beta: [Float]
}

/// A linear layer that stays float: weight [O, I] row-major, bias [O].
public struct FloatLinear: Equatable, Sendable {
    public let name: String
    public let weight: [Float]
    public let bias: [Float]
}

/// Where the parts of a `QuantizedEncoder` come from: a trained encoder or a file.
protocol QuantizedWeightSource {
    mutating func table(_ name: String, rows: Int, width: Int) throws -> QuantizedTable
    mutating func linear(_ name: String, output: Int, input: Int) throws -> QuantizedLinear
    mutating func norm(_ name: String, width: Int) throws -> FloatNorm
    mutating func floatLinear(_ name: String, output: Int, input: Int) throws -> FloatLinear
}

extension EncoderConfiguration {
    /// The int8 form has every part of every layer.
    ///
    /// - Throws: `InputError` naming the layers that have lost their attention or their feed-forward block.
    func requireWholeBlocks() throws {
        let lost = zip(heads, feedForward).enumerated().filter { $0.element.0 == 0 || $0.element.1 == 0 }
        guard !lost.isEmpty else { return }
        throw InputError(
            problem:
                "layers \(lost.map { String($0.offset) }.joined(separator: ", ")) have lost their attention or their "
                + "feed-forward block, which the int8 form has in every layer",
            remedy: "keep this model in float, or prune it with at least one head and one neuron in each layer")
    }
}
