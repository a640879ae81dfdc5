import Layers
public import Tensors

/// A decoder that continues texts: its weights in whatever form they are stored, and nothing that training needs.
public final class DecoderRunner: Sendable {
    /// The weights of one block.
    public struct Block: Sendable {
        public var attentionNorm: NormWeights
        public var query: AffineWeights
        public var key: AffineWeights
        public var value: AffineWeights
        public var attentionOutput: AffineWeights
        public var feedForwardNorm: NormWeights
        public var gate: AffineWeights?
        public var up: AffineWeights
        public var down: AffineWeights

        public init(
            attentionNorm: NormWeights, query: AffineWeights, key: AffineWeights, value: AffineWeights,
            attentionOutput: AffineWeights, feedForwardNorm: NormWeights, gate: AffineWeights?, up: AffineWeights,
            down: AffineWeights
        ) {
            self.attentionNorm = attentionNorm
            self.query = query
            self.key = key
            self.value = value
            self.attentionOutput = attentionOutput
            self.feedForwardNorm = feedForwardNorm
            self.gate = gate
            self.up = up
            self.down = down
        }
    }

    public let configuration: DecoderConfiguration
    let tokens: any Projection
    let positions: (any Projection)?
    let blocks: [Block]
    let finalNorm: NormWeights
    let output: any Projection
    let rotaryTables: RotaryTables?

    /// - Parameters:
    ///   - tokens: the table of token embeddings: [V, C].
    ///   - positions: learned positions: [positions, C].
    ///   - output: the table that logits come from: [V, C]; nil where it is that of the tokens.
    public init(
        _ configuration: DecoderConfiguration, tokens: any Projection, positions: (any Projection)? = nil,
        blocks: [Block], finalNorm: NormWeights, output: (any Projection)? = nil
    ) {
        self.configuration = configuration
        self.tokens = tokens
        self.positions = positions
        self.blocks = blocks
        self.finalNorm = finalNorm
        self.output = output ?? tokens
        rotaryTables = configuration.rotary.map { RotaryTables($0, headSize: configuration.headSize) }
    }

    /// Runs a decoder's present weights, in float32.
    public convenience init(_ decoder: Decoder) {
        func table(_ parameter: Parameter) -> any Projection { FloatProjection(parameter.value) }
        func affine(_ linear: Linear) -> AffineWeights {
            AffineWeights(table(linear.weight), bias: linear.bias?.value)
        }
        self.init(
            decoder.configuration, tokens: table(decoder.tokenEmbeddings.table),
            positions: decoder.positionEmbeddings.map { table($0.table) },
            blocks: decoder.layers.map { layer in
                Block(
                    attentionNorm: NormWeights(layer.attentionNorm), query: affine(layer.query), key: affine(layer.key),
                    value: affine(layer.value), attentionOutput: affine(layer.attentionOutput),
                    feedForwardNorm: NormWeights(layer.feedForwardNorm), gate: layer.feedForward.gate.map(affine),
                    up: affine(layer.feedForward.up), down: affine(layer.feedForward.down))
            },
            finalNorm: NormWeights(decoder.finalNorm), output: table(decoder.vocabularyTable))
    }
}

/// A projection and its bias: y = x · Wᵀ + b.
public struct AffineWeights: Sendable {
    let weight: any Projection
    let bias: Tensor?

    public init(_ weight: any Projection, bias: Tensor? = nil) {
        self.weight = weight
        self.bias = bias
    }

    /// x: [N, I] → [N, O].
    func callAsFunction(_ x: Tensor) -> Tensor {
        Self.apply([self], to: x)[0]
    }

    /// Several projections of the same rows.
    static func apply(_ projections: [AffineWeights], to x: Tensor) -> [Tensor] {
        zip(x.multiplied(by: projections.map(\.weight)), projections).map { result, projection in
            var y = result
            if let bias = projection.bias { y.addToRows(bias) }
            return y
        }
    }
}

/// The weights of a norm: γ alone for a root-mean-square norm, γ and β for a layer norm.
public struct NormWeights: Sendable {
    let gamma: Tensor
    let beta: Tensor?
    let epsilon: Float

    public init(gamma: Tensor, beta: Tensor? = nil, epsilon: Float) {
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
    }

    init(_ norm: any Normalization) {
        switch norm {
        case let norm as LayerNorm: self.init(gamma: norm.gamma.value, beta: norm.beta.value, epsilon: norm.epsilon)
        case let norm as RMSNorm: self.init(gamma: norm.gamma.value, epsilon: norm.epsilon)
        default: preconditionFailure("NormWeights: \(type(of: norm)) is not a decoder's norm")
        }
    }

    /// x: [N, C] → [N, C].
    func callAsFunction(_ x: Tensor) -> Tensor {
        let tape = Tape(recording: false)
        func constant(_ tensor: Tensor) -> Variable { Variable(constant: tensor) }
        guard let beta else {
            return tape.rmsNorm(constant(x), gamma: constant(gamma), epsilon: epsilon).value
        }
        return tape.layerNorm(constant(x), gamma: constant(gamma), beta: constant(beta), epsilon: epsilon).value
    }
}
