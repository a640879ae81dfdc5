import Distillation
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("A language model's numbers")
struct LanguageModelScoresTests {
    private static func decoder(_ seed: UInt64, layers: Int) -> Decoder {
        let decoder = Decoder(
            DecoderConfiguration(
                vocabularySize: 90, hiddenSize: 12, layers: layers, heads: 2, feedForward: 20, maximumPositions: 128,
                dropout: 0), key: RandomKey(seed))
        for parameter in decoder.parameters where parameter.decays {
            parameter.value = Tensor(parameter.value.values.map { 20 * $0 }, shape: parameter.value.shape)
        }
        return decoder
    }

    /// More positions than are taken at once, in rows that end inside of a block.
    private let rows: [[Int32]] = (0..<40).map { row in
        (0..<2 + row * 3).map { Int32(RandomKey(5).mixed(row).bits($0) % 90) }
    }

    @Test("are those of the whole distributions, in double precision")
    func dense() throws {
        let (teacher, student) = (Self.decoder(1, layers: 3), Self.decoder(2, layers: 1))
        var reported = 0
        let found = try LanguageModelScores.all(of: [teacher, student], on: rows) { done, total in
            #expect(total == 40 && done > reported)
            reported = done
        }[1]
        #expect(reported == 40)
        var losses: [Double] = []
        for (index, row) in rows.enumerated() {
            let batch = PackedBatch([row], samples: [0])
            let p = logSoftmax(teacher.logits(batch).values.map(Double.init), width: 90)
            let q = logSoftmax(student.logits(batch).values.map(Double.init), width: 90)
            var (loss, divergence, agreement, hits) = (0.0, 0.0, 0, 0)
            for position in 0..<row.count - 1 {
                let own = position * 90..<(position + 1) * 90
                loss -= q[own.lowerBound + Int(row[position + 1])]
                divergence += own.reduce(0) { $0 + exp(p[$1]) * (p[$1] - q[$1]) }
                let best = [p, q].map { values in own.max { values[$0] < values[$1] }! }
                hits += best[1] - own.lowerBound == Int(row[position + 1]) ? 1 : 0
                agreement += best[0] == best[1] ? 1 : 0
            }
            losses.append(loss)
            #expect(found.counts[index] == row.count - 1)
            #expect(abs(found.losses[index] - loss) < 1e-5 * max(1, loss))
            #expect(abs(found.divergences[index] - divergence) < 1e-5 * max(1, divergence))
            #expect(found.agreements[index] == agreement && found.hits[index] == hits)
        }
        #expect(abs(found.meanLoss - losses.reduce(0, +) / Double(found.positions)) < 1e-5)
        #expect(found.agreements.reduce(0, +) > 0 && found.hits.reduce(0, +) > 0)
        let alone = try LanguageModelScores(of: student, on: rows) { _, _ in }
        #expect(alone.losses == found.losses && alone.divergences.isEmpty)
    }

    @Test("of a model against itself are no divergence and full agreement")
    func itself() throws {
        let model = Self.decoder(3, layers: 2)
        let found = try LanguageModelScores.all(of: [model, model], on: rows) { _, _ in }[1]
        #expect(found.divergences.allSatisfy { $0 < 1e-5 })
        #expect(found.agreements == found.counts)
    }
}
