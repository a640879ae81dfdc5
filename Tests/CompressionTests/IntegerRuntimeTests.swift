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
        let runtime = IntegerRuntime(try QuantizedEncoder(encoder, ranges: ranges))
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
