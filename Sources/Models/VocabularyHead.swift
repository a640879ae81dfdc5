public import Layers
import Tensors

/// The head of a masked language model: logits = LN(f(W · x + b)) · Eᵀ + c, E the table of word embeddings.
public final class VocabularyHead: Module {
    public let transform: Linear
    public let norm: LayerNorm
    /// c: [V].
    public let bias: Parameter
    private let activation: Activation

    init(_ configuration: EncoderConfiguration, deviation: Double, key: RandomKey) {
        let (prefix, width) = ("cls.predictions.", configuration.hiddenSize)
        transform = Linear(
            name: prefix + "transform.dense", input: width, output: width, deviation: deviation, key: key)
        norm = LayerNorm(
            name: prefix + "transform.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon)
        bias = .constant(name: prefix + "bias", count: configuration.vocabularySize, value: 0)
        // RoBERTa's head has the exact GELU, whatever its layers have.
        let isRoberta = configuration.family == .roberta || configuration.family == .xlmRoberta
        activation = isRoberta ? .gelu : configuration.activation
    }

    public var parameters: [Parameter] { transform.parameters + norm.parameters + [bias] }

    /// x: [M, C] → [M, V].
    func callAsFunction(_ x: Variable, words: Embedding, on tape: Tape) -> Variable {
        let transformed = norm(transform(x, on: tape, activation: activation), on: tape)
        return tape.linear(transformed, weight: words.table.on(tape), bias: bias.on(tape))
    }
}
