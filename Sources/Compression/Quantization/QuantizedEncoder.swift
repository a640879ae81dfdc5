import Files
public import Models
public import Tensors

/// An encoder as int8 stores it: what the integer runtime runs, and what INT8 files hold.
///
/// Linear layers have int8 weights with a scale per output channel and inputs in 8-bit integers, on a fixed grid or one for
/// each token; embedding tables have int8 rows with a scale each. Biases, norms, the classifier and what the scheme kept are
/// float.
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
        try Self.requireForm(of: encoder.configuration)
        try self.init(encoder, QuantizationScheme(ranges, of: encoder))
    }

    /// Rounds a trained encoder as `QuantizationSimulation` did with the same scheme.
    ///
    /// - Throws: as `init(_:ranges:)`.
    public init(_ encoder: Encoder, _ scheme: QuantizationScheme) throws {
        var source = RoundedWeights(of: encoder, scheme)
        try self.init(encoder.configuration, from: &source)
    }

    /// Asks `source` for every part, with the name and the shape that the configuration gives it.
    init(_ configuration: EncoderConfiguration, from source: inout some QuantizedWeightSource) throws {
        try Self.requireForm(of: configuration)
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

    private static func requireForm(of configuration: EncoderConfiguration) throws {
        try configuration.requireWholeBlocks()
        guard configuration.head != .maskedLanguageModel else {
            throw InputError(
                problem: "the int8 form has heads for classification, regression and embedding, not for masked words",
                remedy: "keep this model in float")
        }
    }

    /// All embedding tables, in the order of the file.
    var tables: [QuantizedTable] { [wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings].compactMap { $0 } }
    /// All quantized linear layers, in the order in which forward meets them.
    var linears: [QuantizedLinear] { layers.flatMap(\.linears) + [pooler].compactMap { $0 } }
    /// Names of the layers and tables that stay float, beside those that always do.
    public var keptFloat: [String] {
        tables.filter { $0.rows.int8 == nil }.map(\.name) + linears.filter { $0.int8 == nil }.map(\.name)
    }
    /// Whether inputs are on fixed grids, not on one for each token.
    public var hasFixedGrids: Bool { !quantizesPerToken }
    /// Whether each token has its own grid.
    var quantizesPerToken: Bool { linears.contains { if case .perToken = $0.form { true } else { false } } }
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

/// An embedding table: [V, C].
public struct QuantizedTable: Equatable, Sendable {
    public let name: String
    public let rows: TableRows
}

/// The rows of a table, in int8 with a scale each or, where the scheme kept them, in float.
public enum TableRows: Equatable, Sendable {
    case int8(Int8Matrix)
    /// Row-major: [V, C].
    case float([Float], width: Int)

    public var int8: Int8Matrix? {
        if case .int8(let matrix) = self { matrix } else { nil }
    }
}

/// A linear layer of a quantized model: weight [O, I], bias [O].
public struct QuantizedLinear: Equatable, Sendable {
    /// How weight and input meet.
    public enum Form: Equatable, Sendable {
        /// The input on a fixed grid.
        case fixed(Int8Matrix, UInt8Quantization)
        /// Each row of the input on a symmetric grid of its own.
        case perToken(Int8Matrix)
        /// Not quantized: the weight row-major, [O, I].
        case float([Float])
    }

    public let name: String
    public let form: Form
    public let bias: [Float]
    /// What multiplies the columns of the input before it is rounded: [I]; nil: nothing (`Smoothing`).
    public var inputFactors: [Float]?

    /// The weight, unless it stays float.
    public var int8: Int8Matrix? {
        switch form {
        case .fixed(let weight, _), .perToken(let weight): weight
        case .float: nil
        }
    }

    /// The grid of the input, where it is fixed.
    public var input: UInt8Quantization? {
        if case .fixed(_, let grid) = form { grid } else { nil }
    }
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
