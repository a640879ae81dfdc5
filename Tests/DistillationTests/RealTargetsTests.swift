import Distillation
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Recorded targets of the published SmolLM2-135M-Instruct, fetched by `make teachers`, against its full logits.
@Suite("SmolLM2's 64 likeliest tokens")
struct RealTargetsTests {
    /// What one loss comes to over all positions, in double precision from full logits.
    private struct Losses {
        var bucketed = 0.0
        var dense = 0.0
        var renormalised = 0.0
        var temperedTail = 0.0
    }

    @Test(
        "give the loss that the full logits give with the tail in one bucket, at each temperature",
        .enabled(if: RealDecoderTests.isFetched, "not fetched: make teachers"))
    func bucketed() throws {
        let decoder = try DecoderDirectory.read(RealDecoderTests.file)
        let rows = try RealDecoderTests.Golden.read().prefix(2).map {
            Array(($0.promptTokens + $0.exact.tokens).prefix(64))
        }
        let batch = PackedBatch(rows, samples: Array(rows.indices))
        let tape = Tape(recording: false)
        let output = decoder.forward(batch, on: tape, capturing: true)
        func logits(_ hidden: Variable) -> Tensor {
            tape.linear(hidden, weight: decoder.vocabularyTable.on(tape), bias: nil).value
        }
        let teacher = logits(output.hidden)
        // A student of the same vocabulary: what the teacher would say three layers earlier.
        let hidden = decoder.finalNorm(output.states[decoder.layers.count - 3], on: tape)
        let student = logits(hidden)
        let (count, width, k) = (teacher.rows, teacher.width, 64)

        try withDirectory { directory in
            var plan = TargetPlan()
            plan.kept = k
            plan.temperatures = [2, 4]
            _ = try SoftTargetRecorder(teacher: DecoderTeacher(decoder), plan: plan)
                .record(rows, to: directory) { _, _, _ in }
            let targets = try SoftTargets(reading: directory, outcomes: width)
            for temperature in [1.0, 2, 4] {
                let recorded = try targets.likeliest(for: rows, scope: .position, temperature: temperature)
                let loss = Double(
                    Tape(recording: false).vocabularyDistillation(
                        Variable(constant: hidden.value), table: Variable(constant: decoder.vocabularyTable.value),
                        labels: [Int32](repeating: 0, count: count), teacher: recorded, weights: (0, 1),
                        temperature: Float(temperature), normalizer: count
                    ).kl)
                var sum = Losses()
                for position in 0..<count {
                    let range = position * width..<(position + 1) * width
                    let ids = recorded.ids[position * k..<(position + 1) * k].map { Int($0) }
                    let one = Self.losses(
                        teacher.values[range].map(Double.init), student.values[range].map(Double.init), ids,
                        temperature: temperature)
                    sum.bucketed += one.bucketed
                    sum.dense += one.dense
                    sum.renormalised += one.renormalised
                    sum.temperedTail += one.temperedTail
                }
                let scale = temperature * temperature / Double(count)
                let expected = sum.bucketed * scale
                print(
                    String(
                        format: "T = %.0f: recorded %.6f, bucketed %.6f (relative difference %.1e); full KL %.6f; "
                            + "renormalised over k %.6f; tail as one tempered token %.6f", temperature, loss, expected,
                        abs(loss / expected - 1), sum.dense * scale, sum.renormalised * scale, sum.temperedTail * scale)
                )
                #expect(abs(loss / expected - 1) < 1e-6)
                #expect(expected <= sum.dense * scale)
            }
        }
    }

    /// The four ways of one position.
    private static func losses(
        _ teacher: [Double], _ student: [Double], _ kept: [Int], temperature: Double
    ) -> Losses {
        let (p, q) = (
            logSoftmax(teacher, width: teacher.count, temperature: temperature),
            logSoftmax(student, width: student.count, temperature: temperature)
        )
        func divergence(_ p: [Double], _ q: [Double]) -> Double {
            zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        let others = Set(teacher.indices).subtracting(kept)
        func bucket(_ values: [Double]) -> [Double] {
            kept.map { values[$0] } + [log(others.sorted().reduce(0) { $0 + exp(values[$1]) })]
        }
        func normalised(_ values: [Double]) -> [Double] {
            let sum = log(values.reduce(0) { $0 + exp($1) })
            return values.map { $0 - sum }
        }
        let plain = bucket(logSoftmax(teacher, width: teacher.count))
        return Losses(
            bucketed: divergence(bucket(p), bucket(q)), dense: divergence(p, q),
            renormalised: divergence(normalised(kept.map { p[$0] }), normalised(kept.map { q[$0] })),
            temperedTail: divergence(normalised(plain.map { $0 / temperature }), bucket(q)))
    }
}
