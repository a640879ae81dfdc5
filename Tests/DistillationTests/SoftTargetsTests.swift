import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Soft targets")
struct SoftTargetsTests {
    private let teacher = SmallModel.encoder(width: 20, layers: 3, seed: 2)
    private let sequences = SmallModel.examples(30).sequences

    private func record(
        _ url: URL, precision: TargetElement = .float32, progress: (Int, Int, Int) throws -> Void = { _, _, _ in }
    ) throws -> Int {
        var plan = TargetPlan()
        plan.hiddenLayers = [0, 3]
        plan.states = precision
        let recorder = SoftTargetRecorder(
            teacher: EncoderTeacher(teacher), plan: plan, digests: [SoftTargetDescription.teacher: "0123"])
        return try recorder.record(sequences + sequences.prefix(5), to: url, progress: progress).rows
    }

    /// Runs `body` with recorded targets.
    private func withTargets(
        _ precision: TargetElement = .float32, memory: Int = 1 << 29,
        _ body: (SoftTargets) throws -> Void
    ) throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets")
            #expect(try record(url, precision: precision) == sequences.count)
            try body(SoftTargets(reading: url, outcomes: 3, memory: memory, tokenMemory: memory))
        }
    }

    /// Some rows in another order than they were recorded in, one of them twice.
    private var choices: [[[Int32]]] {
        let order = RandomKey(4).permutation(sequences.count).map { sequences[$0] }
        return [sequences, order, [order[7]], [order[3], order[1], order[3]]]
    }

    @Test("equal what a live teacher says, whatever the order or the batch")
    func logProbabilities() throws {
        let live = LiveTeacher(teacher: teacher)
        try withTargets { targets in
            for rows in choices {
                let (found, expected) = try (
                    targets.logProbabilities(for: rows), live.logProbabilities(for: rows)
                )
                #expect(found.shape == [rows.count, 3])
                #expect(
                    largestDifference(found.values, expected.values) < 1e-6 * max(1, largestMagnitude(expected.values)))
            }
        }
    }

    @Test(
        "hold hidden states that equal a live teacher's, to half precision in float16, in memory or on disk",
        arguments: TargetElement.allCases, [0, 1 << 29])
    func hiddenStates(_ precision: TargetElement, memory: Int) throws {
        let live = LiveTeacher(teacher: teacher)
        try withTargets(precision, memory: memory) { targets in
            for layer in [0, 3] {
                #expect(try targets.width(layer: layer) == 20)
                for rows in choices {
                    let found = try targets.hiddenStates(layer: layer, for: rows)
                    let expected = try live.hiddenStates(layer: layer, for: rows)
                    #expect(found.shape == expected.shape)
                    // Another batch sums in another order, hence the last bits. A half has 11 bits, a bfloat16 8.
                    let relative: Float = [.float32: 1e-5, .float16: 0x1p-11, .bfloat16: 0x1p-8][precision]!
                    let isClose = zip(found.values, expected.values).allSatisfy {
                        abs($0 - $1) <= relative * max(abs($1), 1)
                    }
                    #expect(isClose, "layer \(layer)")
                }
            }
        }
    }

    @Test("are the teacher's own bits in float32, for the batch that was recorded")
    func exact() throws {
        // The recorder runs the rows by length, these few all at once.
        let rows = sequences.enumerated().sorted { ($0.element.count, $0.offset) < ($1.element.count, $1.offset) }
            .map(\.element)
        let expected = try LiveTeacher(teacher: teacher).hiddenStates(layer: 3, for: rows).values
        try withTargets(.float32) { targets in
            let found = try targets.hiddenStates(layer: 3, for: rows).values
            #expect(found == expected)
        }
    }

    @Test("in float16 are the recorded float32 values rounded to half, no more")
    func halfPrecision() throws {
        var recorded: [Float] = []
        try withTargets(.float32) { recorded = try $0.hiddenStates(layer: 3, for: sequences).values }
        try withTargets(.float16) { targets in
            let found = try targets.hiddenStates(layer: 3, for: sequences).values
            #expect(found == recorded.map { Float(Float16($0)) })
        }
    }

    @Test("give the teacher's distribution at any temperature: softmax of the logits / T", arguments: [1.0, 2, 4, 0.5])
    func temperature(_ temperature: Double) throws {
        let logits = SmallModel.logits(teacher, sequences)
        let student = Tensor(RandomTensor.values(sequences.count * 3), shape: [sequences.count, 3])
        func divergence(_ teacher: Tensor) -> Float {
            Tape().distillationKL(
                Variable(constant: student), teacher: teacher, temperature: temperature, temperatureSquared: true,
                normalizer: sequences.count
            ).value.scalar
        }
        try withTargets { targets in
            let recorded = try targets.logProbabilities(for: sequences)
            // softmax(log p / T) = softmax(z / T), where p^(1/T) without the sum over classes would not be.
            let fromRecorded = logSoftmax(recorded.values.map(Double.init), width: 3, temperature: temperature)
            let fromLogits = logSoftmax(logits.map(Double.init), width: 3, temperature: temperature)
            #expect(zip(fromRecorded, fromLogits).allSatisfy { abs($0 - $1) < 1e-5 })
            let expected = divergence(Tensor(logits, shape: recorded.shape))
            #expect(abs(divergence(recorded) - expected) < 1e-5 * max(1, expected))
        }
    }

    @Test("refuse a row that was not recorded, naming the dataset and the row")
    func unknownRow() throws {
        try withTargets { targets in
            let unknown: [Int32] = [39, 38, 37]
            for ask in [
                { _ = try targets.logProbabilities(for: [sequences[0], unknown]) },
                { _ = try targets.hiddenStates(layer: 0, for: [unknown]) },
                // The beginning of a row is another row.
                { _ = try targets.logProbabilities(for: [sequences.first { $0.count > 2 }!.dropLast()]) },
            ] {
                let error = try #require(throws: InputError.self) { try ask() }
                #expect(error.field == "rows/hash" && error.file?.hasSuffix("targets") == true)
            }
        }
    }

    @Test("refuse a layer that was not recorded, and say which were")
    func unknownLayer() throws {
        try withTargets { targets in
            for ask in [
                { _ = try targets.width(layer: 2) }, { _ = try targets.hiddenStates(layer: 2, for: [sequences[0]]) },
            ] {
                let error = try #require(throws: InputError.self) { try ask() }
                #expect(error.field == "hidden_states/2" && error.problem.contains("[0, 3]"))
            }
        }
    }

    @Test("are refused in half precision where a hidden state is beyond its range")
    func overflow() throws {
        let large = SmallModel.encoder(width: 20, layers: 3, seed: 2)
        large.embeddingNorm.gamma.value = Tensor(repeating: 1e5, shape: [20])
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets")
            func record(_ precision: TargetElement) throws -> [URL] {
                var plan = TargetPlan()
                plan.hiddenLayers = [0]
                plan.states = precision
                let recorder = SoftTargetRecorder(teacher: EncoderTeacher(large), plan: plan)
                return try recorder.record(sequences, to: url) { _, _, _ in }.files
            }
            let error = try #require(throws: InputError.self) { try record(.float16) }
            #expect(error.field == "hidden_states/0" && error.remedy?.contains("float32") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: url.path).isEmpty)
            #expect(try record(.bfloat16).count == 1)
        }
    }

    @Test("report progress, and leave no part when the recording is ended")
    func progress() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets")
            let part = url.appendingPathComponent("part-00000-of-00001.h5")
            var heard: [[Int]] = []
            #expect(try record(url) { heard.append([$0, $1, $2]) } == 30)
            #expect(heard == [[30, 30, 0]])
            let bytes = try Data(contentsOf: part)
            try FileManager.default.removeItem(at: part)
            #expect(throws: Interrupted.self) { try record(url) { _, _, _ in throw Interrupted(signal: 2) } }
            #expect(try FileManager.default.contentsOfDirectory(atPath: url.path).isEmpty)
            _ = try record(url)
            #expect(try Data(contentsOf: part) == bytes, "the same recording gives the same bytes")
        }
    }
}

/// Standard normal numbers that are the same in every run.
enum RandomTensor {
    static func values(_ count: Int) -> [Float] {
        (0..<count).map { Float(RandomKey(12).normal($0)) }
    }
}
