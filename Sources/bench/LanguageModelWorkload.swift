import Distillation
import Foundation
import Layers
import Models
import Tensors

/// A 6 × 384 GPT-2-shaped decoder that learns from labels and a teacher's 64 likeliest tokens of a vocabulary of 49152.
struct LanguageModelWorkload {
    let batch: Int
    let length: Int
    let precision: Precision

    private let key = RandomKey(0)
    private let vocabularySize = 49152

    /// 0.5 CE + 0.5 T² KL over two batches in turn.
    func distillationStep(dropout: Float, checkpointing: Bool) -> () throws -> Void {
        let configuration = DecoderConfiguration(
            vocabularySize: vocabularySize, hiddenSize: 384, layers: 6, heads: 6, feedForward: 1536,
            maximumPositions: length, dropout: dropout)
        let student = Decoder(unfilled: configuration)
        student.fillMatrices(deviation: 0.02, key: key.mixed("student"))
        func sequences(_ name: String) -> [[Int32]] {
            randomTokens(2 * batch, length: length, vocabularySize: vocabularySize, key: key.mixed(name))
        }
        let objective = LanguageModelObjective(
            student: student, sequences: sequences("tokens"), labels: sequences("labels"),
            targets: (0..<2 * batch).map {
                RandomTargets(
                    positions: length, vocabularySize: vocabularySize, temperature: LanguageModelObjective.temperature,
                    key: key.mixed("targets").mixed($0))
            })
        return trainingStep(
            of: student, objective, batch: batch, precision: precision, checkpointing: checkpointing)
    }
}

/// Teaches a decoder the next token, and a teacher's distribution over it.
private struct LanguageModelObjective: Objective {
    static let temperature: Float = 2

    let student: Decoder
    let sequences: [[Int32]]
    /// The token that follows each position, per sequence.
    let labels: [[Int32]]
    let targets: [RandomTargets]

    var exampleCount: Int { sequences.count }

    func length(of example: Int) -> Int { sequences[example].count }

    func loss(of examples: [Int], in scope: StepScope, on tape: Tape) -> (loss: Variable, terms: [LossTerm]) {
        let batch = PackedBatch(examples.map { sequences[$0] }, samples: examples)
        let hidden = student.forward(batch, on: tape, dropout: scope.dropout).hidden
        let teacher = SparseTargets(
            k: RandomTargets.k, ids: examples.flatMap { targets[$0].ids },
            logProbabilities: examples.flatMap { targets[$0].logProbabilities },
            logNormalizers: examples.flatMap { targets[$0].logNormalizers })
        let result = tape.vocabularyDistillation(
            hidden, table: student.vocabularyTable.on(tape), labels: examples.flatMap { labels[$0] },
            teacher: teacher, weights: (crossEntropy: 0.5, kl: 0.5), temperature: Self.temperature,
            normalizer: scope.positions)
        return (result.loss, [])
    }
}

/// What a teacher said of one sequence: random likeliest tokens, which together have nine tenths of the probability.
private struct RandomTargets {
    static let k = 64

    /// Distinct in each position: [T × k].
    private(set) var ids: [Int32] = []
    /// log p at T = 1: [T × k].
    private(set) var logProbabilities: [Float] = []
    /// c_T = log Σ_V p^(1/T), the tokens outside of the k being equally likely: [T].
    private(set) var logNormalizers: [Double] = []

    init(positions: Int, vocabularySize: Int, temperature: Float, key: RandomKey) {
        let mass: Float = 0.9
        var logits = Tensor(uninitialized: [positions, Self.k])
        logits.fillUniformly(deviation: 1, key: key.mixed("logits"))
        let rest = Float(vocabularySize - Self.k)
        let tail = rest * pow((1 - mass) / rest, 1 / temperature)
        let stride = vocabularySize / Self.k
        let values = logits.values
        for position in 0..<positions {
            let first = Int(key.bits(position) % UInt64(vocabularySize))
            ids += (0..<Self.k).map { Int32((first + $0 * stride) % vocabularySize) }
            let row = values[position * Self.k..<(position + 1) * Self.k]
            let shift = log(mass / row.reduce(0) { $0 + exp($1) })
            logProbabilities += row.map { $0 + shift }
            logNormalizers.append(Double(log(tail + row.reduce(0) { $0 + exp(($1 + shift) / temperature) })))
        }
    }
}
