import Layers
import Models
import Tensors

/// How much of an encoder's answer flows through each unit: layer-wise relevance propagation with the ε-rule (Bach et al.
/// 2015; of heads, Voita et al. 2019, arXiv 1905.09418).
///
/// It begins with relevance 1 at the likeliest class (points: y²/‖y‖²), which is handed down: of y = Σ_j x_j w_j + b input j
/// gets x_j w_j / (y + ε · sign y) of y's share. Attention weights and the deviations of norms count as constants, and
/// activations hand on what they get (Ali et al. 2022, arXiv 2202.07304). A head's relevance is the sum over its context
/// ctx_h: [T, D], a neuron's that over its activation; the score is the mean of |R| over texts, which are all that it needs.
enum Relevance {
    private static let epsilon: Float = 1e-3

    /// - Parameter calibration: in canonical order, checked.
    static func scores(of model: Encoder, on calibration: CalibrationSequences, batch: Int) throws -> UnitScores {
        var scores = UnitScores(of: model, statistic: .mean)
        let headSize = model.configuration.headSize
        try calibration.forEachBatch(of: batch) { examples in
            let packed = calibration.batch(examples)
            let layers = propagate(model, packed)
            for sequence in 0..<packed.offsets.count {
                let rows = packed.offsets[sequence]
                func sums(_ relevance: Tensor, _ unitWidth: Int) -> [Double] {
                    relevance.sums(rows, unitWidth: unitWidth, with: relevance) { r, _ in r }.map(abs)
                }
                scores.heads.append(layers.flatMap { sums($0.context, headSize) })
                scores.neurons.append(layers.flatMap { sums($0.activation, 1) })
            }
        }
        return scores
    }

    /// Each layer's relevance of contexts: [N, H · D] and of activations: [N, F].
    private static func propagate(_ model: Encoder, _ batch: PackedBatch) -> [(context: Tensor, activation: Tensor)] {
        let count = model.layers.count
        let output = model.forward(
            batch, on: Tape(recording: false), capturing: true, attentionLayers: Set(1...max(1, count)))
        var relevance = arriving(at: output.hiddenStates[count].value, of: model, batch, output.logits.value)
        var layers: [(context: Tensor, activation: Tensor)] = []
        for (index, layer) in model.layers.enumerated().reversed() {
            let (x, context) = (output.hiddenStates[index].value, output.contexts[index].value)
            let activation = output.activations[index].value
            // Upwards: what the block computed on its way.
            let attended = layer.attentionOutput.constant(context)
            let middle = x.adding(attended)
            let h = layer.attentionNorm.constant(middle)
            let fed = layer.output.constant(activation)
            let last = h.adding(fed)
            // Downwards.
            let atLast = layer.outputNorm.relevance(relevance, of: output.hiddenStates[index + 1].value, input: last)
            let atActivation = layer.output.relevance(share(atLast, of: fed, in: last), input: activation)
            let atMiddle = layer.attentionNorm.relevance(
                share(atLast, of: h, in: last).adding(layer.intermediate.relevance(atActivation, input: h)),
                of: h, input: middle)
            let atContext = layer.attentionOutput.relevance(
                share(atMiddle, of: attended, in: middle), input: context)
            relevance = share(atMiddle, of: x, in: middle)
            if layer.heads > 0, let attention = output.attentionStates[index + 1] {
                let values = attention[.value]!.value
                let atValues = through(values, atContext) { v, tape in
                    tape.attention(
                        q: Variable(constant: attention[.query]!.value), k: Variable(constant: attention[.key]!.value),
                        v: v, heads: layer.heads, offsets: batch.offsets)
                }
                relevance = relevance.adding(layer.value.relevance(atValues, input: x))
            }
            layers.append((atContext, atActivation))
        }
        return layers.reversed()
    }

    /// What arrives at the last hidden states from the answer.
    private static func arriving(
        at x: Tensor, of model: Encoder, _ batch: PackedBatch, _ output: Tensor
    ) -> Tensor {
        let pooling = model.configuration.pooling
        func pool(_ x: Variable, _ tape: Tape) -> Variable {
            switch pooling {
            case .first: tape.firstPosition(x, batch.offsets)
            case .mean: tape.meanPosition(x, batch.offsets)
            case .max: tape.maxPosition(x, batch.offsets)
            }
        }
        var relevance = answer(output, isClass: model.configuration.head == .classification)
        if let pooler = model.pooler, let classifier = model.classifier {
            let tape = Tape(recording: false)
            let pooled = pool(Variable(constant: x), tape).value
            let dense = Variable(constant: pooler.constant(pooled))
            let inner = model.configuration.family == .distilbert ? tape.activation(.relu, dense) : tape.tanh(dense)
            relevance = pooler.relevance(classifier.relevance(relevance, input: inner.value), input: pooled)
        }
        return through(x, relevance, pool)
    }

    private static func answer(_ output: Tensor, isClass: Bool) -> Tensor {
        let (values, width) = (output.values, output.width)
        let rows = (0..<output.rows).flatMap { row -> [Float] in
            let y = values[row * width..<(row + 1) * width]
            guard isClass else {
                let squares = y.map { $0 * $0 }
                let sum = max(squares.reduce(0, +), .leastNormalMagnitude)
                return squares.map { $0 / sum }
            }
            let largest = y.indices.max { y[$0] < y[$1] }
            return y.indices.map { $0 == largest ? 1 : 0 }
        }
        return Tensor(rows, shape: output.shape)
    }

    /// The relevance of the inputs of a linear map without its bias: x ⊙ ∂⟨f(x), R / (f(x) + ε)⟩/∂x.
    fileprivate static func through(
        _ x: Tensor, _ relevance: Tensor, _ map: (Variable, Tape) -> Variable
    ) -> Tensor {
        let (tape, gradient) = (Tape(), GradientBuffer(shape: x.shape))
        let y = map(tape.leaf(x, gradient: gradient), tape)
        tape.backward(from: y, seed: ratio(relevance, y.value))
        return x.multiplied(by: gradient.value)
    }

    /// The part of a sum's relevance that belongs to one term.
    private static func share(_ relevance: Tensor, of term: Tensor, in sum: Tensor) -> Tensor {
        term.multiplied(by: ratio(relevance, sum))
    }

    /// R / (y + ε · sign y).
    fileprivate static func ratio(_ relevance: Tensor, _ y: Tensor) -> Tensor {
        relevance.combined(y) { $0 / ($1 < 0 ? $1 - epsilon : $1 + epsilon) }
    }
}

extension Linear {
    /// The layer's output, with no tape: x: [N, I] → [N, O].
    fileprivate func constant(_ x: Tensor) -> Tensor {
        self(Variable(constant: x), on: Tape(recording: false)).value
    }

    /// The relevance of the inputs, of that of the outputs; a bias takes its part with it.
    fileprivate func relevance(_ relevance: Tensor, input x: Tensor) -> Tensor {
        guard weight.value.count > 0 else { return Tensor(zeros: x.shape) }
        let shares = Relevance.ratio(relevance, constant(x))
        let tape = Tape()
        let gradient = GradientBuffer(shape: x.shape)
        let y = tape.linear(
            tape.leaf(x, gradient: gradient), weight: Variable(constant: weight.value), bias: nil)
        tape.backward(from: y, seed: shares)
        return x.multiplied(by: gradient.value)
    }
}

extension LayerNorm {
    fileprivate func constant(_ x: Tensor) -> Tensor {
        self(Variable(constant: x), on: Tape(recording: false)).value
    }

    /// The ε-rule for y_i = γ_i / σ · Σ_j (δ_ij − 1/C) s_j + β_i, with σ as a constant.
    fileprivate func relevance(_ relevance: Tensor, of y: Tensor, input s: Tensor) -> Tensor {
        let (width, gamma, sums) = (s.width, gamma.value.values, s.values)
        var shares = Relevance.ratio(relevance, y).values
        for row in 0..<s.rows {
            let columns = row * width..<(row + 1) * width
            let mean = sums[columns].reduce(0.0) { $0 + Double($1) } / Double(width)
            let variance = sums[columns].reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(width)
            let scale = Float(1 / (variance + Double(epsilon)).squareRoot())
            for column in columns { shares[column] *= gamma[column - columns.lowerBound] * scale }
            let middle = shares[columns].reduce(0, +) / Float(width)
            for column in columns { shares[column] = (shares[column] - middle) * sums[column] }
        }
        return Tensor(shares, shape: s.shape)
    }
}

extension Tensor {
    fileprivate func adding(_ other: Tensor) -> Tensor { combined(other, +) }
    fileprivate func multiplied(by other: Tensor) -> Tensor { combined(other, *) }

    fileprivate func combined(_ other: Tensor, _ combine: (Float, Float) -> Float) -> Tensor {
        precondition(shape == other.shape, "Relevance: \(shape) and \(other.shape)")
        var result = self
        result.withUnsafeMutableBufferPointer { x in
            other.withUnsafeBufferPointer { y in
                for index in 0..<x.count { x[index] = combine(x[index], y[index]) }
            }
        }
        return result
    }
}
