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

    /// Runs the model, and beside it the reference, over all rows.
    ///
    /// - Parameters:
    ///   - reference: over the same vocabulary.
    ///   - progress: hears how many of how many rows are done; what it throws ends the work.
    /// - Throws: `InputError` where rows cannot be read.
    public init(
        of model: Decoder, against reference: Decoder?, on rows: any TokenRows, progress: (Int, Int) throws -> Void
    ) throws {
        var start = 0
        while start < rows.count {
            var (end, positions) = (start, 0)
            while end < rows.count, end == start || positions + rows.length(end) <= Self.positionsAtOnce {
                positions += rows.length(end)
                end += 1
            }
            add(PackedBatch(try rows.tokens(start..<end), samples: Array(start..<end)), model, reference)
            start = end
            try progress(end, rows.count)
        }
    }

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

    private mutating func add(_ batch: PackedBatch, _ model: Decoder, _ reference: Decoder?) {
        let labels = batch.nextTokens
        let (own, other) = (Outputs(model, batch), reference.map { Outputs($0, batch) })
        var results = [Position](repeating: Position(), count: labels.count)
        for first in stride(from: 0, to: labels.count, by: Self.block) {
            let range = first..<min(first + Self.block, labels.count)
            let q = own.logits(range)
            var p = other?.logits(range) ?? []
            let vocabulary = q.count / range.count
            results.withUnsafeMutableBufferPointer { results in
                p.withUnsafeMutableBufferPointer { p in
                    // Each position is one thread's.
                    nonisolated(unsafe) let (results, p) = (results, p)
                    Threads.forEach(range.count) { row in
                        let label = Int(labels[first + row])
                        guard label >= 0 else { return }
                        let slice = row * vocabulary..<(row + 1) * vocabulary
                        results[first + row] = q.withUnsafeBufferPointer {
                            Self.position(
                                UnsafeBufferPointer(rebasing: $0[slice]), label: label,
                                reference: p.isEmpty ? nil : UnsafeMutableBufferPointer(rebasing: p[slice]))
                        }
                    }
                }
            }
        }
        for row in 0..<batch.offsets.count {
            let own = results[batch.offsets[row]]
            counts.append(own.count - 1)
            losses.append(own.reduce(0) { $0 + $1.loss })
            hits.append(own.count { $0.hits })
            if reference != nil {
                divergences.append(own.reduce(0) { $0 + $1.divergence })
                agreements.append(own.dropLast().count { $0.agrees })
            }
        }
    }

    /// - Parameter reference: the reference's logits, which are overwritten.
    private static func position(
        _ z: UnsafeBufferPointer<Float>, label: Int, reference: UnsafeMutableBufferPointer<Float>?
    ) -> Position {
        let shift = z.logSumExp()
        var position = Position()
        position.loss = shift - Double(z[label])
        let likeliest = z.indices.max { z[$0] < z[$1] }!
        position.hits = likeliest == label
        guard let reference else { return position }
        // KL = Σ p (t − z) − LSE(t) + LSE(z), with t the reference's logits.
        let t = Array(reference)
        let softmax = reference.replaceByExponentials(temperature: 1)
        var (sum, best) = (0.0, 0)
        for index in z.indices {
            if reference[index] > 0 { sum += Double(reference[index]) * Double(t[index] - z[index]) }
            if t[index] > t[best] { best = index }
        }
        position.divergence = max(0, sum / softmax.sum + shift - t.withUnsafeBufferPointer { $0.logSumExp() })
        position.agrees = best == likeliest
        return position
    }
}
