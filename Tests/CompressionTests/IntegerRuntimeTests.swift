import Compression
import Layers
import Models
import Tensors
import Testing

@Suite("The integer runtime")
struct IntegerRuntimeTests {
    @Test(
        "agrees with the float model that simulates it",
        arguments: [EncoderConfiguration.Pooling.first, .mean], [1, 5] as [UInt64])
    func simulation(pooling: EncoderConfiguration.Pooling, seed: UInt64) throws {
        let encoder = QuantizationFixture.encoder(pooling: pooling, seed: seed)
        let ranges = try QuantizationFixture.ranges(of: encoder)
        let runtime = IntegerRuntime(try QuantizedEncoder(encoder, ranges: ranges), attention: .float32)
        let batch = QuantizationFixture.batch(QuantizationFixture.sequences(40, seed: 9))
        let float = encoder.logits(batch)
        try QuantizationSimulation.attach(to: encoder, ranges: ranges)
        let simulated = encoder.logits(batch)
        let integer = runtime.logits(batch)
        #expect(integer.shape == [40, 3])
        #expect(agree(integer, simulated))
        // Rounding is visible, yet small.
        #expect(largestDifference(integer, float) > 1e-3)
        #expect(largestDifference(integer, float) < 0.2 * largestMagnitude(float))
    }

    /// A rounded probability may move a value across a half of the next grid; these random models are steeper than trained ones.
    @Test("attention in bfloat16 changes logits by a tenth of their spread at most", arguments: EncoderFormsTests.forms)
    func attentionPrecision(form: EncoderFormsTests.Form) throws {
        let encoder = form.encoder
        let quantized = try QuantizedEncoder(encoder, ranges: QuantizationFixture.ranges(of: encoder))
        let batch = QuantizationFixture.batch(QuantizationFixture.sequences(40, seed: 9))
        let exact = IntegerRuntime(quantized, attention: .float32).logits(batch).values
        let rounded = IntegerRuntime(quantized, attention: .bfloat16).logits(batch).values
        let mean = exact.reduce(0, +) / Float(exact.count)
        let deviation = (exact.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(exact.count)).squareRoot()
        let difference = zip(exact, rounded).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(exact.count)
        #expect(difference < 0.1 * deviation)
        #expect(exact != rounded)
    }

    @Test("a text's logits do not depend on the batch around it")
    func packing() throws {
        let runtime = IntegerRuntime(try QuantizationFixture.quantized())
        let sequences = QuantizationFixture.sequences(30)
        let together = runtime.logits(QuantizationFixture.batch(sequences)).values
        let alone = sequences.flatMap { runtime.logits(QuantizationFixture.batch([$0])).values }
        for (a, b) in zip(together, alone) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("counts the parameters of the float model")
    func parameterCount() throws {
        let runtime = IntegerRuntime(try QuantizationFixture.quantized())
        #expect(runtime.parameterCount == QuantizationFixture.encoder().parameterCount)
        #expect(runtime.configuration == QuantizationFixture.encoder().configuration)
    }
}
