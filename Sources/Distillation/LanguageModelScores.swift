import Layers
public import Models
import Tensors

/// A language model's numbers on some token rows, row by row, alone and beside a reference.
public struct LanguageModelScores {
    /// Predicted positions of each row.
    public private(set) var counts: [Int] = []
    /// −Σ log q of the tokens that came, in nats, per row.
    public private(set) var losses: [Double] = []
    /// Positions whose likeliest token is the one that came, per row.
    public private(set) var hits: [Int] = []
    /// Σ KL(p‖q) from the reference's distribution over the whole vocabulary, in nats, per row; empty without a reference.
    public private(set) var divergences: [Double] = []
    /// Positions whose likeliest token is the reference's, per row; empty without a reference.
    public private(set) var agreements: [Int] = []

    /// Positions whose activations are held at a time, and those whose logits are.
    private static let (positionsAtOnce, block) = (2048, 64)

    /// Runs a model over all rows.
    ///
    /// - Throws: `InputError` where rows cannot be read; what `progress` throws.
    public init(of model: Decoder, on rows: any TokenRows, progress: (Int, Int) throws -> Void) throws {
        self = try Self.all(of: [model], on: rows, progress: progress)[0]
    }

    /// Runs several models of one vocabulary over all rows, side by side, so that the first, which the others are compared with,
    /// computes each row once.
    ///
    /// - Parameter progress: hears how many of how many rows are done; what it throws ends the work.
    /// - Throws: `InputError` where rows cannot be read.
    public static func all(
        of models: [Decoder], on rows: any TokenRows, progress: (Int, Int) throws -> Void
    ) throws -> [LanguageModelScores] {
        var scores = Array(repeating: LanguageModelScores(), count: models.count)
        var start = 0
        while start < rows.count {
            var (end, positions) = (start, 0)
            while end < rows.count, end == start || positions + rows.length(end) <= Self.positionsAtOnce {
                positions += rows.length(end)
                end += 1
            }
            let batch = PackedBatch(try rows.tokens(start..<end), samples: Array(start..<end))
            for (model, results) in positionScores(batch, models).enumerated() {
                scores[model].add(results, offsets: batch.offsets, isCompared: model > 0)
            }
            start = end
            try progress(end, rows.count)
        }
        return scores
    }

    private init() {}

    /// Predicted positions of all rows.
    public var positions: Int { counts.reduce(0, +) }

    /// Mean loss of a position, in nats; e to it is the perplexity.
    public var meanLoss: Double { losses.reduce(0, +) / Double(max(1, positions)) }

    private struct Position {
        var loss = 0.0
        var hits = false
        var divergence = 0.0
        var agrees = false
    }

    /// The last hidden states of a batch, and the table that makes logits of them.
    private struct Outputs {
        let hidden: Tensor
        let table: Variable
        let tape = Tape(recording: false)

        init(_ decoder: Decoder, _ batch: PackedBatch) {
            hidden = decoder.forward(batch, on: tape).hidden.value
            table = decoder.vocabularyTable.on(tape)
        }

        /// [positions, V]
        func logits(_ positions: Range<Int>) -> [Float] {
            let width = hidden.width
            let rows = Array(hidden.values[positions.lowerBound * width..<positions.upperBound * width])
            let x = Variable(constant: Tensor(rows, shape: [positions.count, width]))
            return tape.linear(x, weight: table, bias: nil).value.values
        }
    }

    /// The numbers of every model and position.
    private static func positionScores(_ batch: PackedBatch, _ models: [Decoder]) -> [[Position]] {
        let labels = batch.nextTokens
        let outputs = models.map { Outputs($0, batch) }
        var results = models.map { _ in [Position](repeating: Position(), count: labels.count) }
        for first in stride(from: 0, to: labels.count, by: block) {
            let range = first..<min(first + block, labels.count)
            var references: [Reference?] = []
            for (model, output) in outputs.enumerated() {
                let logits = output.logits(range)
                let vocabulary = logits.count / range.count
                if model == 0 { references = Array(repeating: nil, count: range.count) }
                logits.withUnsafeBufferPointer { logits in
                    results[model].withUnsafeMutableBufferPointer { results in
                        references.withUnsafeMutableBufferPointer { references in
                            // Each position is one thread's.
                            nonisolated(unsafe) let (results, references) = (results, references)
                            nonisolated(unsafe) let logits = logits
                            let (isReference, isOnly) = (model == 0, models.count == 1)
                            Threads.forEach(range.count) { row in
                                let label = Int(labels[first + row])
                                guard label >= 0 else { return }
                                let z = UnsafeBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary])
                                results[first + row] = position(z, label: label, reference: references[row])
                                if isReference, !isOnly { references[row] = Reference(z) }
                            }
                        }
                    }
                }
            }
        }
        return results
    }

    private mutating func add(_ results: [Position], offsets: SequenceOffsets, isCompared: Bool) {
        for row in 0..<offsets.count {
            let own = results[offsets[row]]
            counts.append(own.count - 1)
            losses.append(own.reduce(0) { $0 + $1.loss })
            hits.append(own.count { $0.hits })
            if isCompared {
                divergences.append(own.reduce(0) { $0 + $1.divergence })
                agreements.append(own.dropLast().count { $0.agrees })
            }
        }
    }

    /// What comparing with a distribution p needs of it.
    private struct Reference {
        /// p, not yet divided by its sum.
        let powers: [Float]
        let sum: Double
        /// Σ p log p.
        let negativeEntropy: Double
        let likeliest: Int

        /// - Parameter t: logits.
        init(_ t: UnsafeBufferPointer<Float>) {
            var powers = Array(t)
            let softmax = powers.withUnsafeMutableBufferPointer { $0.replaceByExponentials(temperature: 1) }
            let mean = powers.withUnsafeBufferPointer { dot($0, t) } / softmax.sum
            (self.powers, sum, negativeEntropy) = (powers, softmax.sum, mean - t.logSumExp())
            likeliest = t.indexOfMaximum
        }
    }

    private static func position(
        _ z: UnsafeBufferPointer<Float>, label: Int, reference: Reference?
    ) -> Position {
        let shift = z.logSumExp()
        let likeliest = z.indexOfMaximum
        var position = Position()
        position.loss = shift - Double(z[label])
        position.hits = likeliest == label
        guard let reference else { return position }
        // KL = Σ p log p − Σ p z + LSE(z).
        let mean = reference.powers.withUnsafeBufferPointer { dot($0, z) } / reference.sum
        position.divergence = max(0, reference.negativeEntropy - mean + shift)
        position.agrees = reference.likeliest == likeliest
        return position
    }
}

/// Σ p z in double precision, over the p that are not 0 (a logit there may be infinite).
private func dot(_ p: UnsafeBufferPointer<Float>, _ z: UnsafeBufferPointer<Float>) -> Double {
    var sums = SIMD8<Double>()
    let whole = p.count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
        let powers = UnsafeRawPointer(p.baseAddress! + start).loadUnaligned(as: SIMD8<Float>.self)
        let logits = UnsafeRawPointer(z.baseAddress! + start).loadUnaligned(as: SIMD8<Float>.self)
        let used = powers .> 0
        sums += SIMD8<Double>(powers) * SIMD8<Double>(SIMD8<Float>().replacing(with: logits, where: used))
    }
    var sum = sums.sum()
    for index in whole..<p.count where p[index] > 0 { sum += Double(p[index]) * Double(z[index]) }
    return sum
}

extension UnsafeBufferPointer<Float> {
    /// The first place of the largest value.
    fileprivate var indexOfMaximum: Int {
        var best = 0
        for index in 1..<Swift.max(1, count) where self[index] > self[best] { best = index }
        return best
    }
}
