import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("A recording in parts")
struct RecordingTests {
    private let teacher = SmallModel.encoder(width: 20, layers: 2, seed: 5)
    /// Enough rows for several parts.
    private static let many: [[Int32]] = (0..<9000).map { row in
        let key = RandomKey(7).mixed(row)
        return [Int32(row % 40), Int32(row / 40 % 40), Int32(row / 1600)]
            + (0..<Int(key.bits(0) % 5)).map { Int32(key.bits(1 + $0) % 40) }
    }

    private var plan: TargetPlan {
        var plan = TargetPlan()
        plan.hiddenLayers = [2]
        plan.attentionLayers = [1]
        plan.isPooled = true
        return plan
    }

    private func recorder(
        _ change: (inout TargetPlan) -> Void = { _ in }, digests: [String: String] = [:]
    ) -> SoftTargetRecorder {
        var plan = plan
        change(&plan)
        return SoftTargetRecorder(teacher: EncoderTeacher(teacher), plan: plan, digests: digests)
    }

    private func contents(_ directory: URL) throws -> [String: Data] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).reduce(into: [:]) {
            $0[$1] = try Data(contentsOf: directory.appendingPathComponent($1))
        }
    }

    @Test("goes on after any interruption to the bytes of one that was not interrupted, without doing a part twice")
    func resumption() throws {
        try withDirectory { directory in
            let (whole, broken) = (
                directory.appendingPathComponent("whole"), directory.appendingPathComponent("broken")
            )
            let summary = try recorder().record(Self.many, to: whole) { _, _, _ in }
            #expect(summary.files.count > 2 && summary.rows == Set(Self.many).count)
            var calls = 0
            var interruptions = 0
            while true {
                do {
                    var own = 0
                    let resumed = try recorder().record(Self.many, to: broken) { done, _, found in
                        own += done > found ? 1 : 0
                        calls += done > found ? 1 : 0
                        // Every attempt gets one batch further than a part takes.
                        if own > 2 { throw Interrupted(signal: 15) }
                    }
                    #expect(resumed.rowsFound > 0 && resumed.rowsFound < resumed.rows)
                    break
                } catch is Interrupted {
                    interruptions += 1
                    try #require(interruptions < 100)
                }
            }
            #expect(interruptions > 1)
            #expect(try contents(broken) == contents(whole))
            let again = try recorder().record(Self.many, to: broken) { done, _, found in #expect(done == found) }
            #expect(again.rowsFound == again.rows)
        }
    }

    @Test("is shared by several machines, and merged into one file that says the same")
    func shards() throws {
        try withDirectory { directory in
            let whole = directory.appendingPathComponent("whole")
            _ = try recorder().record(Self.many, to: whole) { _, _, _ in }
            let shares = (0..<3).map { directory.appendingPathComponent("share-\($0)") }
            for (index, share) in shares.enumerated() {
                _ = try recorder().record(Self.many, to: share, shard: TargetShard(index: index, of: 3)) { _, _, _ in }
            }
            let merged = directory.appendingPathComponent("merged.h5")
            try SoftTargets(parts: shares).merge(into: merged) { _, _ in }
            let again = directory.appendingPathComponent("again.h5")
            try SoftTargets(parts: [whole]).merge(into: again) { _, _ in }
            #expect(try Data(contentsOf: merged) == Data(contentsOf: again))

            let (one, other) = (
                try SoftTargets(reading: whole, outcomes: 3), try SoftTargets(reading: merged, outcomes: 3)
            )
            #expect(one.rows == other.rows)
            let rows = RandomKey(3).permutation(Self.many.count).prefix(200).map { Self.many[$0] }
            #expect(try one.logProbabilities(for: rows).values == other.logProbabilities(for: rows).values)
            #expect(try one.hiddenStates(layer: 2, for: rows).values == other.hiddenStates(layer: 2, for: rows).values)
            #expect(try one.pooled(for: rows).values == other.pooled(for: rows).values)
            for part in AttentionPart.allCases {
                #expect(
                    try one.attentionStates(part, layer: 1, for: rows).values
                        == other.attentionStates(part, layer: 1, for: rows).values)
            }
            try other.validate()

            let incomplete = try #require(throws: InputError.self) { try SoftTargets(parts: [shares[0], shares[2]]) }
            #expect(incomplete.problem.contains("missing"))
            let twice = try #require(throws: InputError.self) { try SoftTargets(parts: [shares[0], whole]) }
            #expect(twice.problem.contains("same part"))
        }
    }

    @Test("holds what the teacher computes: queries, keys, values, pooled vectors")
    func states() throws {
        try withDirectory { directory in
            let rows = Array(Self.many.prefix(20))
            let url = directory.appendingPathComponent("targets")
            _ = try recorder { $0.states = .float32 }.record(rows, to: url) { _, _, _ in }
            let targets = try SoftTargets(reading: url, outcomes: 3)
            let tape = Tape(recording: false)
            let batch = PackedBatch(rows, samples: Array(rows.indices))
            let output = teacher.forward(batch, on: tape)
            for part in AttentionPart.allCases {
                let layer = teacher.layers[0]
                let linear = [AttentionPart.query: layer.query, .key: layer.key, .value: layer.value][part]!
                let expected = linear(output.hiddenStates[0], on: tape).value
                let found = try targets.attentionStates(part, layer: 1, for: rows)
                #expect(largestDifference(found.values, expected.values) < 1e-5)
            }
            let first = tape.firstPosition(output.hiddenStates[2], batch.offsets).value
            #expect(try largestDifference(targets.pooled(for: rows).values, first.values) < 1e-5)
        }
    }

    @Test("refuses to mix with another one, and says in what it differs")
    func others() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets")
            let teacher = SoftTargetDescription.teacher
            _ = try recorder(digests: [teacher: "a"]).record(Self.many, to: url) { _, _, _ in }
            let kept = try contents(url)
            func refusal(_ other: SoftTargetRecorder, _ rows: [[Int32]] = Self.many) throws -> String {
                try #require(throws: InputError.self) { try other.record(rows, to: url) { _, _, _ in } }.problem
            }
            #expect(try refusal(recorder(digests: [teacher: "b"])).contains("teacher_sha256"))
            #expect(
                try refusal(recorder({ $0.hiddenLayers = [1] }, digests: [teacher: "a"])).contains("[2] instead of [1]")
            )
            #expect(try refusal(recorder({ $0.kept = 2 }, digests: [teacher: "a"])).contains("kept"))
            #expect(try refusal(recorder(digests: [teacher: "a"]), Array(Self.many.prefix(50))).contains("1 parts"))
            let changed = Self.many.map { $0 == Self.many[4000] ? [1, 2, 3, 4, 5, 6, 7] : $0 }
            #expect(try refusal(recorder(digests: [teacher: "a"]), changed).contains("other rows"))
            #expect(try contents(url) == kept)

            // A run owns its directory and makes what does not fit anew.
            _ = try recorder(digests: [teacher: "b"]).record(Array(Self.many.prefix(50)), to: url, others: .replace) {
                _, _, _ in
            }
            #expect(try SoftTargets(reading: url, outcomes: 3).rows == Set(Self.many.prefix(50)).count)
        }
    }

    @Test("spots a part that was damaged later")
    func damage() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets")
            let files = try recorder().record(Self.many, to: url) { _, _, _ in }.files
            try Data("no longer HDF5".utf8).write(to: files[1])
            for attempt in [
                { _ = try recorder().record(Self.many, to: url) { _, _, _ in } },
                { _ = try SoftTargets(reading: url) },
            ] {
                let error = try #require(throws: InputError.self) { try attempt() }
                #expect(error.file == files[1].path)
            }
            _ = try recorder().record(Self.many, to: url, others: .replace) { _, _, _ in }
            #expect(try SoftTargets(reading: url).rows == Set(Self.many).count)
        }
    }
}
