public import Distillation
import Files
import Layers
public import Models
import Tensors

/// How strongly the loss reacts to each head and each feed-forward neuron (Michel, Levy, Neubig 2019,
/// arXiv 1905.10650).
///
/// I_h = E_x |⟨ctx_h, ∂L/∂ctx_h⟩| with ctx_h the output of head h before the output projection: [T, D]. The inner
/// product is ∂L/∂ξ_h for a factor ξ_h = 1 on the head's output: the loss's first-order change when the head goes.
/// A neuron's score is the same with its activation a_n: [T]. L is the cross-entropy with the label, without dropout.
///
/// The loss is summed over the batch and packed sequences meet only in that sum, so the rows of an example hold its own
/// gradient: one backward pass scores every head for every example of the batch.
public struct Sensitivity: Sendable {
    /// |∂L/∂ξ_h| for each example and head.
    public let heads: ExampleScores
    /// |∂L/∂ξ_n| for each feed-forward neuron, summed over the examples.
    public let neurons: HalvedScores

    /// Measures a model on labelled examples.
    ///
    /// Leaves the gradients of the model's parameters at zero.
    ///
    /// - Parameter batch: examples per forward and backward pass; affects speed and memory alone.
    /// - Throws: `InputError` if there are no examples, or one that has no label or does not fit the model.
    public init(of model: Encoder, on data: LabelledSequences, batch: Int = 16) throws {
        precondition(batch > 0, "Sensitivity: batches of \(batch) examples")
        try Self.check(data, for: model.configuration)
        defer { for parameter in model.parameters { parameter.gradient.clear() } }
        var heads = ExampleScores(unitsPerLayer: model.configuration.heads)
        var neurons = HalvedScores(unitsPerLayer: model.configuration.feedForward)
        let order = Self.canonicalOrder(data)
        for start in stride(from: 0, to: order.count, by: batch) {
            let examples = Array(order[start..<min(start + batch, order.count)])
            Self.measure(model, data, examples, heads: &heads, neurons: &neurons)
        }
        self.heads = heads
        self.neurons = neurons
    }

    private static func measure(
        _ model: Encoder, _ data: LabelledSequences, _ examples: [Int], heads: inout ExampleScores,
        neurons: inout HalvedScores
    ) {
        let tape = Tape()
        let packed = data.batch(examples)
        let output = model.forward(packed, on: tape, capturing: true)
        for watched in output.contexts + output.activations { tape.watch(watched) }
        // Divided by one, not by the batch: each example's gradient is its own.
        let loss = tape.crossEntropy(output.logits, labels: examples.map { data.labels[$0] }, normalizer: 1)
        tape.backward(from: loss)
        let contexts = output.contexts.map { WatchedValue($0, on: tape, unitWidth: model.configuration.headSize) }
        let activations = output.activations.map { WatchedValue($0, on: tape, unitWidth: 1) }
        for sequence in 0..<packed.offsets.count {
            let rows = packed.offsets[sequence]
            heads.append(contexts.flatMap { $0.derivatives(rows).map(abs) })
            neurons.append(activations.flatMap { $0.derivatives(rows).map(abs) })
        }
    }

    /// Sorted by length, tokens and label, so that sums, halves and resamples do not depend on the order of the data.
    private static func canonicalOrder(_ data: LabelledSequences) -> [Int] {
        (0..<data.count).sorted { a, b in
            let (x, y) = (data.sequences[a], data.sequences[b])
            if x.count != y.count { return x.count < y.count }
            return x == y ? data.labels[a] < data.labels[b] : x.lexicographicallyPrecedes(y)
        }
    }

    private static func check(_ data: LabelledSequences, for configuration: EncoderConfiguration) throws {
        guard configuration.head == .classification else {
            throw InputError(
                problem:
                    "sensitivity reads the loss of class labels, and the model's head is for \(configuration.head.rawValue)",
                remedy: "give a classifier, or prune by magnitude")
        }
        guard data.count > 0 else {
            throw InputError(
                problem: "there are no calibration examples to score heads on",
                remedy: "give at least one labelled example; some hundreds make scores that can be trusted")
        }
        func refuse(_ example: Int, _ problem: String, _ remedy: String) -> InputError {
            InputError(problem: "calibration example \(example + 1) of \(data.count) \(problem)", remedy: remedy)
        }
        let (classes, limit) = (configuration.labels.count, configuration.maximumPositions)
        for (example, (tokens, label)) in zip(data.sequences, data.labels).enumerated() {
            guard (0..<classes).contains(label) else {
                throw refuse(
                    example, "has label \(label), expected 0 to \(classes - 1)",
                    "sensitivity needs a label for every example; criterion: magnitude needs none")
            }
            guard (1...limit).contains(tokens.count) else {
                throw refuse(
                    example, "has \(tokens.count) tokens, expected 1 to \(limit)",
                    "cut texts to the model's max_position_embeddings")
            }
            guard tokens.allSatisfy({ (0..<configuration.vocabularySize).contains(Int($0)) }) else {
                throw refuse(
                    example, "has a token outside the vocabulary of \(configuration.vocabularySize)",
                    "use the tokenizer that belongs to the model")
            }
        }
    }
}

/// A value inside the model with its gradient: [N, units · unitWidth].
private struct WatchedValue {
    private let value: Tensor
    private let gradient: Tensor
    private let unitWidth: Int

    init(_ variable: Variable, on tape: Tape, unitWidth: Int) {
        guard let gradient = tape.gradient(of: variable) else {
            preconditionFailure("Sensitivity: \(variable.shape) was not watched")
        }
        value = variable.value
        self.gradient = gradient
        self.unitWidth = unitWidth
    }

    /// ⟨value_u, gradient_u⟩ over the given rows for every unit u.
    func derivatives(_ rows: Range<Int>) -> [Double] {
        let (width, unitWidth) = (value.width, unitWidth)
        var sums = [Double](repeating: 0, count: width / unitWidth)
        value.withUnsafeBufferPointer { value in
            gradient.withUnsafeBufferPointer { gradient in
                sums.withUnsafeMutableBufferPointer { sums in
                    for row in rows {
                        var element = row * width
                        for unit in 0..<sums.count {
                            var product: Float = 0
                            for _ in 0..<unitWidth {
                                product += value[element] * gradient[element]
                                element += 1
                            }
                            sums[unit] += Double(product)
                        }
                    }
                }
            }
        }
        return sums
    }
}
