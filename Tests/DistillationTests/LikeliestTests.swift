import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("The likeliest outcomes of a language model, recorded")
struct LikeliestTests {
    private let rows: [[Int32]] = [[1, 2, 3, 4], [299, 0], [7], [40, 41, 42, 43, 44, 45]]

    /// With ten times the usual deviation of the embeddings: all tokens would be about equally likely otherwise.
    private func decoder() -> Decoder {
        let decoder = Decoder(
            DecoderConfiguration(
                vocabularySize: 300, hiddenSize: 24, layers: 2, heads: 3, feedForward: 48, maximumPositions: 16,
                dropout: 0),
            key: RandomKey(8))
        let table = decoder.tokenEmbeddings.table
        table.value = Tensor(
            (0..<table.value.count).map { Float(RandomKey(2).normal($0)) / 5 }, shape: table.value.shape)
        return decoder
    }

    private func record(
        kept: Int?, temperatures: [Double] = [2, 4], _ body: (SoftTargets, [Double]) throws -> Void
    ) throws {
        let decoder = decoder()
        try withDirectory { directory in
            var plan = TargetPlan()
            plan.kept = kept
            plan.temperatures = temperatures
            plan.hiddenLayers = [0, 2]
            plan.states = .float32
            let summary = try SoftTargetRecorder(teacher: DecoderTeacher(decoder), plan: plan)
                .record(rows, to: directory) { _, _, _ in }
            #expect(summary.positions == rows.joined().count)
            let batch = PackedBatch(rows, samples: Array(rows.indices))
            try body(SoftTargets(reading: directory, outcomes: 300), decoder.logits(batch).values.map(Double.init))
        }
    }

    @Test("are the k largest logits with their log-probabilities, and the exact c_T", arguments: [1, 8, 64, 299])
    func exact(_ kept: Int) throws {
        try record(kept: kept) { targets, logits in
            let plain = logSoftmax(logits, width: 300)
            for temperature in [1.0, 2, 4] {
                let found = try targets.likeliest(for: rows, scope: .position, temperature: temperature)
                #expect(found.k == kept && found.logNormalizers.count == rows.joined().count)
                for position in 0..<found.logNormalizers.count {
                    let own = Array(plain[position * 300..<(position + 1) * 300])
                    let best = own.indices.sorted { (-own[$0], $0) < (-own[$1], $1) }.prefix(kept)
                    #expect(found.ids[position * kept..<(position + 1) * kept].map { Int($0) } == Array(best))
                    for (place, id) in best.enumerated() {
                        #expect(abs(Double(found.logProbabilities[position * kept + place]) - own[id]) < 1e-5)
                    }
                    let expected = log(own.reduce(0) { $0 + exp($1 / temperature) })
                    #expect(abs(Double(found.logNormalizers[position]) - expected) < 2e-6 * max(1, abs(expected)))
                }
            }
        }
    }

    @Test("are refused at a temperature that was not recorded, where they are not all there")
    func temperature() throws {
        try record(kept: 8) { targets, _ in
            let error = try #require(throws: InputError.self) {
                try targets.likeliest(for: rows, scope: .position, temperature: 3)
            }
            #expect(error.problem.contains("1.0, 2.0, 4.0"))
        }
        try record(kept: nil) { targets, logits in
            let found = try targets.likeliest(for: rows, scope: .position, temperature: 3)
            let scaled = logSoftmax(logits, width: 300, temperature: 3)
            #expect(found.k == 300)
            for index in scaled.indices {
                let own = Double(found.logProbabilities[index]) / 3 - Double(found.logNormalizers[index / 300])
                #expect(abs(own - scaled[index]) < 1e-5)
            }
        }
    }

    @Test("come with the hidden states, the last one after the last norm")
    func hiddenStates() throws {
        try record(kept: 8) { targets, _ in
            let batch = PackedBatch(rows, samples: Array(rows.indices))
            let output = decoder().forward(batch, on: Tape(recording: false), capturing: true)
            let (first, last) = (output.states[0].value.values, output.hidden.value.values)
            for (layer, expected) in [(0, first), (2, last)] {
                let found = try targets.hiddenStates(layer: layer, for: rows).values
                #expect(largestDifference(found, expected) < 1e-5)
            }
        }
    }

    @Test("leave a tail whose mean is over all predictions, in whatever parts and batches their rows lie")
    func meanTail() throws {
        let decoder = decoder()
        // Short rows fill the first part, long ones the second.
        let rows = (0..<3000).map { row in
            (0..<1 + row % 16).map { Int32(RandomKey(9).mixed(row).bits($0) % 300) }
        }
        try withDirectory { directory in
            var plan = TargetPlan()
            plan.kept = 8
            let recorder = SoftTargetRecorder(teacher: DecoderTeacher(decoder), plan: plan)
            let first = try recorder.record(rows, to: directory) { _, _, _ in }
            #expect(first.files.count == 2)
            let targets = try SoftTargets(reading: directory, outcomes: 300)
            let kept = try targets.likeliest(for: Array(Set(rows)), scope: .position, temperature: 1)
            let mass = kept.logProbabilities.reduce(0) { $0 + exp(Double($1)) }
            let expected = 1 - mass / Double(kept.logNormalizers.count)
            #expect(abs(try #require(first.meanTail) - expected) < 1e-6)
            #expect(try recorder.record(rows, to: directory) { _, _, _ in }.meanTail == first.meanTail)
        }
    }

    @Test("take the smaller id of equal logits, and never NaN")
    func ties() {
        func likeliest(_ z: [Float], _ k: Int) -> [Int32] {
            var ids = [Int32](repeating: 0, count: k)
            z.withUnsafeBufferPointer { z in ids.withUnsafeMutableBufferPointer { z.likeliest(into: $0) } }
            return ids
        }
        #expect(likeliest([1, 3, 3, 2, 3], 2) == [1, 2])
        #expect(likeliest([5, 5, 5, 5], 3) == [0, 1, 2])
        #expect(likeliest([-.infinity, 2, -.infinity], 2) == [1, 0])
        let z = (0..<5000).map { Float(RandomKey(5).bits($0) % 97) }
        let expected = z.indices.sorted { (-z[$0], $0) < (-z[$1], $1) }.prefix(70).map { Int32($0) }
        #expect(likeliest(z, 70) == expected)
    }

    @Test("leave less out the more of them are kept; the table says so at each temperature")
    func table() throws {
        var plan = TargetPlan()
        plan.temperatures = [2]
        let table = try TailTable(of: DecoderTeacher(decoder()), rows, plan: plan) { _, _ in }
        #expect(table.rows.map(\.kept) == [8, 16, 32, 64, 128, 256])
        #expect(zip(table.rows, table.rows.dropFirst()).allSatisfy { $0.meanTail > $1.meanTail && $0.bytes < $1.bytes })
        try record(kept: 64) { targets, _ in
            for (temperature, expected) in [(1.0, table.rows[3].meanTail), (2, table.rows[3].tailsAtTemperatures[0])] {
                let found = try targets.likeliest(for: rows, scope: .position, temperature: temperature)
                let count = found.logNormalizers.count
                let tails = (0..<count).map { position in
                    (0..<64).reduce(1.0) {
                        $0
                            - exp(
                                Double(found.logProbabilities[position * 64 + $1]) / temperature
                                    - Double(found.logNormalizers[position]))
                    }
                }
                #expect(abs(tails.reduce(0, +) / Double(count) - expected) < 1e-5)
            }
        }
    }
}
