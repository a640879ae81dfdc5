import Compression
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Calibration of activation ranges")
struct QuantizationCalibrationTests {
    /// The values at the inputs of the first layer's projections and of the second layer's output layer.
    private func inputs(_ encoder: Encoder, _ sequences: [[Int32]]) -> [String: [Float]] {
        let output = encoder.forward(QuantizationFixture.batch(sequences), on: Tape(recording: false), capturing: true)
        return [
            "bert.encoder.layer.0.attention.self.key": output.hiddenStates[0].value.values,
            "bert.encoder.layer.0.attention.output.dense": output.contexts[0].value.values,
            "bert.encoder.layer.1.output.dense": output.activations[1].value.values,
        ]
    }

    @Test("min-max takes the extremes over all batches, alike for query, key and value")
    func minMax() throws {
        let encoder = QuantizationFixture.encoder()
        let sequences = QuantizationFixture.sequences(20)
        let found = try ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences, batch: 7)
        for (name, values) in inputs(encoder, sequences) {
            let range = try #require(found.ranges[name])
            #expect(abs(range.lowerBound - values.min()!) < 1e-5)
            #expect(abs(range.upperBound - values.max()!) < 1e-5)
        }
        let shared = ["query", "key", "value"].map { found.ranges["bert.encoder.layer.1.attention.self.\($0)"] }
        #expect(Set(shared).count == 1)
        #expect(found.ranges.count == 2 * 6 + 1)
        #expect(found.ranges["classifier"] == nil)
    }

    @Test("the moving average starts at the first batch and follows the others by its decay")
    func movingAverage() throws {
        let encoder = QuantizationFixture.encoder()
        let sequences = QuantizationFixture.sequences(12)
        let found = try ActivationCalibration(method: .movingAverage(decay: 0.75))
            .ranges(of: encoder, on: sequences, batch: 4)
        let batches = [0..<4, 4..<8, 8..<12].map { inputs(encoder, Array(sequences[$0])) }
        for name in batches[0].keys {
            let highs = batches.map { $0[name]!.max()! }
            let expected = 0.75 * (0.75 * highs[0] + 0.25 * highs[1]) + 0.25 * highs[2]
            #expect(abs(found.ranges[name]!.upperBound - expected) < 1e-5)
        }
    }

    @Test("a percentile cuts equally many values at both ends")
    func percentile() throws {
        let encoder = QuantizationFixture.encoder()
        let sequences = QuantizationFixture.sequences(60)
        let found = try ActivationCalibration(method: .percentile(98)).ranges(of: encoder, on: sequences, batch: 9)
        for (name, values) in inputs(encoder, sequences) {
            let sorted = values.sorted()
            let cut = sorted.count / 100
            let bin = (sorted.last! - sorted[0]) / (255 * 32)
            let range = try #require(found.ranges[name])
            #expect(range.lowerBound <= sorted[cut] + 1e-5 && range.lowerBound >= sorted[cut] - 1.01 * bin)
            let top = sorted[sorted.count - 1 - cut]
            #expect(range.upperBound >= top - 1e-5 && range.upperBound <= top + 1.01 * bin)
        }
    }

    @Test("the 100th percentile is min-max")
    func wholePercentile() throws {
        let encoder = QuantizationFixture.encoder()
        let sequences = QuantizationFixture.sequences(10)
        let all = try ActivationCalibration(method: .percentile(100)).ranges(of: encoder, on: sequences)
        let extremes = try ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences)
        for (name, range) in extremes.ranges {
            #expect(abs(all.ranges[name]!.lowerBound - range.lowerBound) < 1e-5)
            #expect(abs(all.ranges[name]!.upperBound - range.upperBound) < 1e-5)
        }
    }

    /// The sum of the squares by which values move on the 8-bit grid over a range.
    private func loss(_ values: [Float], _ range: ClosedRange<Float>) throws -> Float {
        let grid = try ActivationRanges(["x": range]).quantization(of: "x")
        let rounded = Tape(recording: false).fakeQuantize(
            Variable(constant: Tensor(values, shape: [1, values.count])), grid)
        return zip(values, rounded.value.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    @Test("the least squared error is below that of min-max and of percentiles, outliers included")
    func squaredError() throws {
        let encoder = QuantizationFixture.encoder()
        // One token in a thousand is far away.
        let word = encoder.wordEmbeddings.table
        word.value = Tensor(
            word.value.values.enumerated().map { $0 / 36 == 49 ? $1 * 30 : $1 }, shape: word.value.shape)
        let sequences = QuantizationFixture.sequences(60)
        let found = try ActivationCalibration(method: .squaredError).ranges(of: encoder, on: sequences)
        for (name, values) in inputs(encoder, sequences) {
            let own = try loss(values, #require(found.ranges[name]))
            for other in [ActivationCalibration.Method.minMax, .percentile(99.9), .percentile(99), .entropy] {
                let ranges = try ActivationCalibration(method: other).ranges(of: encoder, on: sequences)
                #expect(own <= 1.03 * (try loss(values, #require(ranges.ranges[name]))), "\(name) against \(other)")
            }
        }
    }

    @Test("entropy stays inside the extremes, cuts long tails, and keeps a range that is filled evenly")
    func entropy() throws {
        let encoder = QuantizationFixture.encoder()
        let sequences = QuantizationFixture.sequences(60)
        let extremes = try ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences)
        let found = try ActivationCalibration(method: .entropy).ranges(of: encoder, on: sequences)
        let shares = try found.ranges.map { name, range in
            let whole = try #require(extremes.ranges[name])
            #expect(
                min(whole.lowerBound, 0) <= range.lowerBound && range.upperBound <= max(whole.upperBound, 0), "\(name)")
            return (range.upperBound - range.lowerBound) / (whole.upperBound - whole.lowerBound)
        }
        #expect(shares.contains { $0 < 0.95 } && shares.allSatisfy { $0 > 0.1 })
        // The inputs of the first layer are a norm's: no tails.
        let even = "bert.encoder.layer.0.attention.self.query"
        #expect(try #require(found.ranges[even]).upperBound > 0.4 * (try #require(extremes.ranges[even]).upperBound))
    }

    @Test("the largest numbers have ranges too", arguments: [ActivationCalibration.Method.entropy, .squaredError])
    func large(_ method: ActivationCalibration.Method) throws {
        let encoder = QuantizationFixture.encoder()
        let beta = encoder.layers[encoder.layers.count - 1].outputNorm.beta
        beta.value = Tensor(repeating: -3e37, shape: beta.value.shape)
        let found = try ActivationCalibration(method: method).ranges(of: encoder, on: QuantizationFixture.sequences(5))
        #expect(try #require(found.ranges["bert.pooler.dense"]).lowerBound < -1e36)
    }

    @Test("zero is drawn into the range and has a level of its own")
    func scales() throws {
        let ranges = ActivationRanges(["a": -1...1.55, "b": 2...5.1, "c": -5.1 ... -2])
        let (a, b, c) = try (ranges.quantization(of: "a"), ranges.quantization(of: "b"), ranges.quantization(of: "c"))
        #expect(abs(a.scale - 0.01) < 1e-8 && a.zeroPoint == 100)
        #expect(abs(b.scale - 0.02) < 1e-8 && b.zeroPoint == 0)
        #expect(abs(c.scale - 0.02) < 1e-8 && c.zeroPoint == 255)
    }

    @Test("a layer whose input is always zero is named")
    func zeroRange() throws {
        let encoder = QuantizationFixture.encoder()
        for parameter in encoder.embeddingNorm.parameters {
            parameter.value = Tensor(zeros: parameter.value.shape)
        }
        for method in [ActivationCalibration.Method.minMax, .percentile(99.9), .entropy, .squaredError] {
            let errors = try #require(throws: InputErrors.self) {
                try ActivationCalibration(method: method).ranges(of: encoder, on: QuantizationFixture.sequences(5))
            }
            #expect(errors.errors[0].field == "bert.encoder.layer.0.attention.self.query")
            #expect(errors.description.contains("range of the layer's input is zero"))
        }
    }

    @Test("every layer that a NaN reaches is named, and nothing stays attached")
    func nonFinite() throws {
        let encoder = QuantizationFixture.encoder()
        let layer = encoder.layers[1].intermediate
        layer.bias!.value = Tensor(repeating: .nan, shape: layer.bias!.value.shape)
        let errors = try #require(throws: InputErrors.self) {
            try ActivationCalibration(method: .minMax).ranges(of: encoder, on: QuantizationFixture.sequences(5))
        }
        #expect(errors.errors.map(\.field) == ["bert.encoder.layer.1.output.dense", "bert.pooler.dense"])
        #expect(errors.errors.allSatisfy { $0.problem.contains("NaN") })
        #expect(encoder.linearLayers.allSatisfy { $0.quantization == nil })
    }

    @Test("examples that do not fit the model are refused", arguments: [[], [[]], [[50]], [[-1]]] as [[[Int32]]])
    func badExamples(sequences: [[Int32]]) {
        #expect(throws: InputError.self) {
            try ActivationCalibration(method: .minMax).ranges(of: QuantizationFixture.encoder(), on: sequences)
        }
    }

    @Test("a text beyond the positions is refused")
    func tooLong() {
        let sequence = [Int32](repeating: 1, count: QuantizationFixture.positions + 1)
        #expect(throws: InputError.self) {
            try ActivationCalibration(method: .minMax).ranges(of: QuantizationFixture.encoder(), on: [sequence])
        }
    }

    @Test("ranges survive JSON, and a range that is missing or impossible is an error that names the layer")
    func storedRanges() throws {
        let ranges = try QuantizationFixture.ranges(of: QuantizationFixture.encoder())
        let copy = try JSONDecoder().decode(ActivationRanges.self, from: JSONEncoder().encode(ranges))
        #expect(copy == ranges)
        let broken = ActivationRanges([
            "zero": 0...0, "infinite": 0 ... .infinity, "tiny": 0 ... .leastNonzeroMagnitude,
        ])
        for name in ["zero", "infinite", "tiny", "missing"] {
            let error = #expect(throws: InputError.self) { try broken.quantization(of: name) }
            #expect(error?.field == name)
        }
    }
}
