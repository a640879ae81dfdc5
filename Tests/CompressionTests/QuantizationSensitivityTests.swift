import Compression
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Sensitivity to rounding")
struct QuantizationSensitivityTests {
    private let sequences = QuantizationFixture.sequences(60, seed: 5)

    /// A model whose second layer's last projection has one input far larger than the others.
    private func damaged() -> Encoder {
        let encoder = QuantizationFixture.encoder()
        let (inner, outer) = (encoder.layers[1].intermediate, encoder.layers[1].output)
        inner.bias!.value = Tensor(
            inner.bias!.value.values.enumerated().map { $0 == 3 ? 4000 : $1 }, shape: inner.bias!.value.shape)
        let width = outer.weight.value.width
        outer.weight.value = Tensor(
            outer.weight.value.values.enumerated().map { $0 % width == 3 ? 0 : $1 }, shape: outer.weight.value.shape)
        return encoder
    }

    private func measure(
        _ encoder: Encoder, most: Int, kept: [String] = [], divergence: Double = 0.02
    ) throws -> QuantizationSensitivity {
        let scheme = try QuantizationScheme(
            ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences), of: encoder)
        return try QuantizationSensitivity(
            of: encoder, scheme, kept: try QuantizationGroup.named(kept, of: encoder.configuration),
            gate: .init(divergence: divergence, agreement: 0, most: most), on: sequences)
    }

    @Test("the part that suffers most goes back to float first, and only as many as the gate needs")
    func worstFirst() throws {
        let damage = try measure(damaged(), most: 0).whole.divergence
        let found = try measure(damaged(), most: 5, divergence: damage / 2)
        let worst = found.rows.max { $0.distance.divergence < $1.distance.divergence }
        #expect(worst?.group.name == "layer.1.output")
        #expect(found.holds)
        #expect(found.rows.filter(\.staysFloat).map(\.group.name) == ["layer.1.output"])
        #expect(found.scheme.float == ["bert.encoder.layer.1.output.dense"])
        #expect(found.whole.divergence <= damage / 2 && found.whole.agreement > 0)
        #expect(found.rows.count == 1 + 2 * 4 + 1)
    }

    @Test("without parts to give back the gate fails, and a part that is named stays float anyway")
    func limits() throws {
        let damage = try measure(damaged(), most: 0).whole.divergence
        let none = try measure(damaged(), most: 0, divergence: damage / 2)
        #expect(!none.holds && none.scheme.float.isEmpty)
        let named = try measure(damaged(), most: 0, kept: ["layer.1.output", "pooler"], divergence: damage / 2)
        #expect(named.holds)
        #expect(named.rows.filter(\.staysFloat).map(\.group.name) == ["layer.1.output", "pooler"])
    }

    @Test("the distance is the mean KL of the classes, with its standard error")
    func distances() throws {
        let encoder = QuantizationFixture.encoder()
        let found = try measure(encoder, most: 0)
        let row = try #require(found.rows.first { $0.group.name == "layer.0.output" })
        let float = encoder.logits(QuantizationFixture.batch(sequences))
        let scheme = try QuantizationScheme(
            ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences), of: encoder)
        QuantizationSimulation.attach(
            to: encoder,
            scheme.keeping(QuantizationGroup.all(of: encoder.configuration).filter { $0.name != "layer.0.output" }))
        let rounded = encoder.logits(QuantizationFixture.batch(sequences))
        func probabilities(_ row: ArraySlice<Float>) -> [Double] {
            let powers = row.map { exp(Double($0)) }
            return powers.map { $0 / powers.reduce(0, +) }
        }
        let divergences = (0..<60).map { index -> Double in
            let range = index * 3..<(index + 1) * 3
            let (p, q) = (probabilities(float.values[range]), probabilities(rounded.values[range]))
            return zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        }
        let mean = divergences.reduce(0, +) / 60
        let variance = divergences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 59
        #expect(abs(row.distance.divergence - mean) < 1e-6 + 0.02 * mean)
        #expect(abs(row.distance.standardError - (variance / 60).squareRoot()) < 1e-6 + 0.02 * mean)
        #expect(mean > 0)
        let lines = found.csv.split(separator: "\n")
        #expect(lines.count == 12 && lines[0] == "part,kl_mean,kl_standard_error,same_top1,stored_as")
        #expect(lines[1].hasPrefix("embeddings,") && lines[11].hasPrefix("whole,"))
    }

    @Test("a model without classes is told what to do instead")
    func otherHeads() throws {
        let encoder = QuantizationFixture.encoder { ($0.head, $0.labels) = (.embedding, []) }
        let error = try #require(throws: InputError.self) {
            try QuantizationSensitivity(
                of: encoder, .perToken, gate: .init(divergence: 1, agreement: 0, most: 1), on: sequences)
        }
        #expect(error.problem.contains("embedding"))
    }
}
