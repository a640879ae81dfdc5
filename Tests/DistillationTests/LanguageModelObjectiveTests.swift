import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("A language model's objective")
struct LanguageModelObjectiveTests {
    private static let vocabulary = 40
    private let rows: [[Int32]] = (0..<7).map { row in
        (0..<2 + row).map { Int32(RandomKey(5).mixed(row).bits($0) % UInt64(vocabulary)) }
    }

    private static func decoder(_ seed: UInt64, width: Int = 12, layers: Int = 2) -> Decoder {
        let decoder = Decoder(
            DecoderConfiguration(
                llama: vocabulary, hiddenSize: width, layers: layers, heads: 2, keyHeads: 1, feedForward: 20,
                maximumPositions: 16), key: RandomKey(seed))
        // With the usual deviation all tokens would be about equally likely.
        for parameter in decoder.parameters where parameter.decays {
            parameter.value = Tensor(parameter.value.values.map { 15 * $0 }, shape: parameter.value.shape)
        }
        return decoder
    }

    private let teacher = decoder(2, width: 16, layers: 3)

    private func weights(temperature: Double = 2, squared: Bool = true, features: Float = 0) -> LossWeights {
        LossWeights(
            crossEntropy: 0.3, kl: 0.7, temperature: temperature, temperatureSquared: squared, features: features,
            featurePairs: features > 0 ? [(0, 0), (2, 3)] : [])
    }

    private func recorded(kept: Int, in directory: URL) throws -> SoftTargets {
        var plan = TargetPlan()
        (plan.kept, plan.temperatures, plan.hiddenLayers, plan.states) = (kept, [2], [0, 3], .float32)
        _ = try SoftTargetRecorder(teacher: DecoderTeacher(teacher), plan: plan)
            .record(rows, to: directory) { _, _, _ in }
        return try SoftTargets(reading: directory, outcomes: Self.vocabulary)
    }

    private func run(
        _ targets: (any TeacherTargets)?, _ weights: LossWeights, micro: Int = 7, order: [Int] = Array(0..<7)
    ) throws -> (loss: Float, terms: [Float], gradients: [[Float]]) {
        let objective = try LanguageModelObjective(
            student: Self.decoder(1), rows: rows, targets: targets, weights: weights, key: RandomKey(6))
        let scope = StepScope(lengths: order.map(objective.length), dropout: nil)
        var (loss, terms) = (Float(0), [Float]())
        for start in stride(from: 0, to: order.count, by: micro) {
            let tape = Tape()
            let part = try objective.loss(
                of: Array(order[start..<min(start + micro, order.count)]), in: scope, on: tape)
            tape.backward(from: part.loss)
            loss += part.loss.value.scalar
            let values = part.terms.map(\.value)
            terms = terms.isEmpty ? values : zip(terms, values).map(+)
        }
        return (loss, terms, objective.parameters.map(\.gradient.value.values))
    }

    /// Mean over all positions with a next token of what `term` says to the log-probabilities of both models there.
    private func mean(
        temperature: Double = 1, _ term: (_ teacher: ArraySlice<Double>, _ student: ArraySlice<Double>, Int) -> Double
    ) -> Double {
        let batch = PackedBatch(rows, samples: Array(rows.indices))
        func logProbabilities(_ decoder: Decoder) -> [Double] {
            logSoftmax(
                decoder.logits(batch).values.map(Double.init), width: Self.vocabulary, temperature: temperature)
        }
        let (p, q) = (logProbabilities(teacher), logProbabilities(Self.decoder(1)))
        var (sum, count, position) = (0.0, 0, 0)
        for row in rows {
            for index in row.indices {
                if index + 1 < row.count {
                    let own = position * Self.vocabulary..<(position + 1) * Self.vocabulary
                    sum += term(p[own], q[own], own.lowerBound + Int(row[index + 1]))
                    count += 1
                }
                position += 1
            }
        }
        return sum / Double(count)
    }

    @Test(
        "is the mean over the positions that predict a token, each predicting the one after it",
        arguments: [true, false])
    func definition(squared: Bool) throws {
        let crossEntropy = mean { _, q, label in -q[label] }
        let divergence = mean(temperature: 2) { p, q, _ in
            zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) } * (squared ? 4 : 1)
        }
        try withDirectory { directory in
            let found = try run(recorded(kept: Self.vocabulary, in: directory), weights(squared: squared))
            #expect(abs(Double(found.terms[0]) / crossEntropy - 1) < 1e-5)
            #expect(abs(Double(found.terms[1]) / divergence - 1) < 1e-5)
            #expect(abs(Double(found.loss) / (0.3 * crossEntropy + 0.7 * divergence) - 1) < 1e-5)
        }
        #expect(abs(Double(try run(nil, .labelsOnly).loss) / crossEntropy - 1) < 1e-5)
    }

    @Test("gives the same gradient however a step is split, and in whatever order its rows come", arguments: [1, 2, 4])
    func split(micro: Int) throws {
        try withDirectory { directory in
            let targets = ReadAheadTargets(try recorded(kept: 5, in: directory))
            let whole = try run(targets, weights(features: 0.5))
            for order in [Array(0..<7), [6, 2, 4, 0, 1, 5, 3]] {
                let parts = try run(targets, weights(features: 0.5), micro: micro, order: order)
                #expect(abs(parts.loss / whole.loss - 1) < 1e-5)
                let largest = whole.gradients.map(largestMagnitude).max()!
                for (part, whole) in zip(parts.gradients, whole.gradients) {
                    #expect(largestDifference(part, whole) < 1e-5 * largest)
                }
            }
        }
    }

    @Test("is the same from a live teacher as from what was recorded of it, to 1e-5")
    func live() throws {
        try withDirectory { directory in
            let recorded = try run(recorded(kept: 5, in: directory), weights(features: 0.5))
            let asked = try LiveDecoderTeacher(teacher, hiddenLayers: [0, 3], kept: 5, temperature: 2)
            let live = try run(asked, weights(features: 0.5))
            #expect(abs(live.loss / recorded.loss - 1) < 1e-5)
            let largest = recorded.gradients.map(largestMagnitude).max()!
            for (live, recorded) in zip(live.gradients, recorded.gradients) {
                #expect(largestDifference(live, recorded) < 1e-5 * largest)
            }
        }
        let error = #expect(throws: InputError.self) {
            try LiveDecoderTeacher(teacher, hiddenLayers: [4], kept: 5, temperature: 2)
        }
        #expect(error?.problem.contains("which has 3 layers") == true)
    }

    /// Targets that know something of the first row's positions alone.
    private struct Silent: TeacherTargets {
        let targets: SoftTargets
        let first: [Int32]

        func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
            let found = try targets.likeliest(for: sequences, scope: .position, temperature: temperature)
            let known = sequences.flatMap { row in row.map { _ in row == first } }
            let kept = found.logProbabilities.indices.map {
                known[$0 / found.k] ? found.logProbabilities[$0] : -.infinity
            }
            return SparseTargets(
                k: found.k, ids: found.ids, logProbabilities: kept, logNormalizers: found.logNormalizers)
        }

        func hiddenStates(layer: Int, for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [0, 12]) }
        func width(layer: Int) -> Int { 12 }
    }

    @Test(
        "takes only the texts where the teacher is silent",
        arguments: [Divergence.forwardKL, .reverseKL, .jsd(beta: 0.5)])
    func silence(_ divergence: Divergence) throws {
        var weights = weights(temperature: 2)
        weights.divergence = divergence
        try withDirectory { directory in
            let targets = try recorded(kept: 5, in: directory)
            func gradients(_ targets: any TeacherTargets, _ weights: LossWeights, _ example: Int) throws -> [[Float]] {
                try run(targets, weights, order: [example]).gradients
            }
            let silent = Silent(targets: targets, first: rows[6])
            #expect(try gradients(silent, weights, 6) == gradients(targets, weights, 6))
            var texts = weights
            texts.kl = 0
            #expect(try run(silent, weights, order: [3]).terms[1] == 0)
            // At T = 2 the sums are taken at T = 2 in both, so nothing but the teacher's share is missing.
            let (found, expected) = (try gradients(silent, weights, 3), try gradients(silent, texts, 3))
            for (found, expected) in zip(found, expected) { #expect(largestDifference(found, expected) < 1e-7) }
        }
    }
}
