import Layers
import Models
import Tensors

/// ∂L/∂ξ for a factor ξ = 1 on the output of each head and of each neuron, of every example.
///
/// For head h it is ⟨ctx_h, ∂L/∂ctx_h⟩ with ctx_h the head's output before the output projection: [T, D]. It is also
/// Σ W_o ⊙ ∂L/∂W_o over the head's columns. The loss is summed over the batch and packed sequences meet only in that sum, so
/// the rows of an example hold its own gradient: one backward pass scores every head for every example of the batch.
/// There is no dropout and no padding.
struct MaskGradients {
    /// How derivatives of examples become scores.
    enum Reading: CaseIterable {
        /// E |∂L/∂ξ| (Michel, Levy, Neubig 2019, arXiv 1905.10650).
        case sensitivity
        /// |E ∂L/∂ξ| (Molchanov et al. 2017, arXiv 1611.06440): the loss's first-order change when the unit goes.
        case taylor
        /// E (∂L/∂ξ)² (Theis et al. 2018, arXiv 1801.05787): twice the second-order change.
        case fisher

        func callAsFunction(_ derivative: Double) -> Double {
            switch self {
            case .sensitivity: abs(derivative)
            case .taylor: derivative
            case .fisher: derivative * derivative
            }
        }

        var statistic: ScoreStatistic { self == .taylor ? .magnitudeOfMean : .mean }
    }

    private(set) var scores: [Reading: UnitScores] = [:]

    /// Measures a model. Leaves the gradients of its parameters at zero.
    ///
    /// - Parameters:
    ///   - calibration: in canonical order, checked.
    ///   - batch: examples per pass; affects speed and memory alone.
    init(
        of model: some ScorableModel, on calibration: CalibrationSequences, readings: [Reading], key: RandomKey,
        batch: Int
    ) throws {
        precondition(batch > 0, "MaskGradients: batches of \(batch) examples")
        defer { for parameter in model.parameters { parameter.gradient.clear() } }
        for reading in readings { scores[reading] = UnitScores(of: model, statistic: reading.statistic) }
        let own = key.mixed("targets")
        try calibration.forEachBatch(of: batch) { measure(model, calibration, $0, readings, own) }
    }

    private mutating func measure(
        _ model: some ScorableModel, _ calibration: CalibrationSequences, _ examples: Range<Int>,
        _ readings: [Reading], _ key: RandomKey
    ) {
        let targets = Self.targets(model, calibration, examples, key)
        // One pass for the first target of every example, one for the second of those that have another, and so on.
        var heads = examples.map { _ in [Reading: [Double]]() }
        var neurons = heads
        for draw in 0..<(targets.map(\.count).max() ?? 0) {
            let drawn = examples.indices.filter { targets[$0 - examples.lowerBound].count > draw }
            let used = drawn.map { targets[$0 - examples.lowerBound][draw] }
            let derivatives = Self.derivatives(
                model, calibration.sequences, drawn, seed: used.flatMap(\.seed), layers: model.scorableLayers)
            for (index, (example, target)) in zip(drawn, used).enumerated() {
                let place = example - examples.lowerBound
                for reading in readings {
                    let (head, neuron) = (derivatives[index].heads, derivatives[index].neurons)
                    heads[place][reading, default: []].add(head.map { reading($0) * target.weight })
                    neurons[place][reading, default: []].add(neuron.map { reading($0) * target.weight })
                }
            }
        }
        for place in heads.indices {
            for reading in readings {
                scores[reading]!.heads.append(heads[place][reading] ?? [])
                scores[reading]!.neurons.append(neurons[place][reading] ?? [])
            }
        }
    }

    private static func targets(
        _ model: some ScorableModel, _ calibration: CalibrationSequences, _ examples: Range<Int>, _ key: RandomKey
    ) -> [[DrawnTargets.Target]] {
        let trace = model.trace(calibration.batch(examples), on: Tape(recording: false))
        let (values, width) = (trace.output.value.values, trace.output.value.width)
        return examples.enumerated().map { place, example in
            let rows = trace.outputRows[place]
            let classes: [Int32]? =
                switch calibration.target {
                case .labels(let labels): [Int32(labels[example])]
                case .nextTokens: trace.nextTokens.map { Array($0[rows]) }
                case .ownOutputs: nil
                }
            return DrawnTargets.targets(
                of: Array(values[rows.lowerBound * width..<rows.upperBound * width]), width: width,
                outputs: trace.outputs, classes: classes, key: calibration.key(of: example, in: key))
        }
    }

    /// Every unit's derivative for every example, of the loss whose gradient at the outputs is `seed`.
    private static func derivatives(
        _ model: some ScorableModel, _ sequences: [[Int32]], _ examples: [Int], seed: [Float],
        layers: [ScorableLayer]
    ) -> [(heads: [Double], neurons: [Double])] {
        let tape = Tape()
        let packed = PackedBatch(examples.map { sequences[$0] }, samples: examples)
        let trace = model.trace(packed, on: tape)
        for watched in trace.contexts + trace.activations { tape.watch(watched) }
        tape.backward(from: trace.output, seed: Tensor(seed, shape: trace.output.shape))
        // Each pass begins with clean gradients, though only those of activations are read.
        for parameter in model.parameters { parameter.gradient.clear() }
        let contexts = zip(trace.contexts, layers).map { WatchedValue($0, on: tape, unitWidth: $1.unitWidth) }
        let activations = trace.activations.map { WatchedValue($0, on: tape, unitWidth: 1) }
        return (0..<packed.offsets.count).map { sequence in
            let rows = packed.offsets[sequence]
            return (contexts.flatMap { $0.derivatives(rows) }, activations.flatMap { $0.derivatives(rows) })
        }
    }
}

extension [Double] {
    /// Adds element by element; an empty array takes the other's place.
    fileprivate mutating func add(_ other: [Double]) {
        if isEmpty {
            self = other
        } else {
            for index in indices { self[index] += other[index] }
        }
    }
}

/// A value inside the model with its gradient: [N, units · unitWidth].
private struct WatchedValue {
    private let value: Tensor
    private let gradient: Tensor
    private let unitWidth: Int

    init(_ variable: Variable, on tape: Tape, unitWidth: Int) {
        value = variable.value
        // A layer that has lost all of its units computes nothing.
        gradient = tape.gradient(of: variable) ?? Tensor(zeros: variable.shape)
        self.unitWidth = unitWidth
    }

    /// ⟨value_u, gradient_u⟩ over the given rows for every unit u.
    func derivatives(_ rows: Range<Int>) -> [Double] {
        value.sums(rows, unitWidth: unitWidth, with: gradient) { $0 * $1 }
    }
}

extension Tensor {
    /// Σ f(x, y) over some rows and each unit's columns; x is this matrix, y the other of the same shape.
    func sums(
        _ rows: Range<Int>, unitWidth: Int, with other: Tensor, _ term: (Float, Float) -> Float
    ) -> [Double] {
        let width = width
        var sums = [Double](repeating: 0, count: width / unitWidth)
        withUnsafeBufferPointer { x in
            other.withUnsafeBufferPointer { y in
                sums.withUnsafeMutableBufferPointer { sums in
                    for row in rows {
                        var element = row * width
                        for unit in 0..<sums.count {
                            var sum: Float = 0
                            for _ in 0..<unitWidth {
                                sum += term(x[element], y[element])
                                element += 1
                            }
                            sums[unit] += Double(sum)
                        }
                    }
                }
            }
        }
        return sums
    }
}
