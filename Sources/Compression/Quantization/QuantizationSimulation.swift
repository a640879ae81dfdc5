import Layers
public import Models
import Tensors

/// Makes a float encoder compute as its quantized form will, for quantization-aware training.
///
/// Inputs of the quantized linear layers are rounded on the grids of the scheme; weights and embedding rows are rounded on
/// grids that follow them from step to step. Gradients pass by the straight-through estimator and are 0 where an input was
/// clipped. The parameters themselves stay float.
public enum QuantizationSimulation {
    /// Puts the simulation on every quantized layer of `encoder`.
    ///
    /// - Throws: `InputError` naming a layer whose range is missing, empty or not finite; nothing is attached then.
    public static func attach(to encoder: Encoder, ranges: ActivationRanges) throws {
        attach(to: encoder, try QuantizationScheme(ranges, of: encoder))
    }

    /// Puts the simulation on every layer and table that the scheme does not keep in float.
    public static func attach(to encoder: Encoder, _ scheme: QuantizationScheme) {
        detach(from: encoder)
        for layer in encoder.quantizedGroups.flatMap({ $0 }) where !scheme.float.contains(layer.name) {
            layer.quantization = SimulatedLinear(scheme, layer.name)
        }
        for embedding in encoder.embeddings where !scheme.float.contains(embedding.name) {
            embedding.quantization = SimulatedEmbedding(bits: scheme.weightBits)
        }
    }

    /// Lets the encoder compute in float again, with the weights that it has now.
    public static func detach(from encoder: Encoder) {
        for layer in encoder.linearLayers { layer.quantization = nil }
        for embedding in encoder.embeddings { embedding.quantization = nil }
    }
}

extension Embedding {
    /// The table's name without `.weight`.
    var name: String { String(table.name.dropLast(".weight".count)) }
}

extension QuantizationScheme {
    /// x as the rounding of the layer `name` sees it.
    func smoothed(_ x: Variable, of name: String, on tape: Tape) -> Variable {
        factors(of: name).map { tape.scaleColumns(x, by: $0) } ?? x
    }

    /// The weight that belongs to a smoothed input.
    func smoothed(weight: Variable, of name: String, on tape: Tape) -> Variable {
        factors(of: name).map { tape.scaleColumns(weight, by: $0.map { 1 / $0 }) } ?? weight
    }

    /// The grid of a layer's input; nil where each token has its own.
    func grid(of name: String) -> UInt8Quantization? {
        guard case .fixed(let grids) = inputs else { return nil }
        guard let grid = grids[name] else { preconditionFailure("QuantizationScheme: no grid for \(name)") }
        return grid
    }
}

private final class SimulatedLinear: LinearQuantization {
    private let scheme: QuantizationScheme
    private let name: String
    private let grid: UInt8Quantization?

    init(_ scheme: QuantizationScheme, _ name: String) {
        self.scheme = scheme
        self.name = name
        grid = scheme.grid(of: name)
    }

    func input(_ x: Variable, on tape: Tape) -> Variable {
        let x = scheme.smoothed(x, of: name, on: tape)
        return grid.map { tape.fakeQuantize(x, $0) } ?? tape.fakeQuantizeRows(x)
    }

    func weight(_ weight: Variable, on tape: Tape) -> Variable {
        let weight = scheme.smoothed(weight: weight, of: name, on: tape)
        guard let scales = scheme.weightScales[name] else {
            return tape.fakeQuantizeRows(weight, bits: scheme.weightBits)
        }
        let steps = Variable(constant: Tensor(scales, shape: [scales.count]))
        return tape.fakeQuantizeRows(weight, steps: steps, bits: scheme.weightBits)
    }
}

private final class SimulatedEmbedding: EmbeddingQuantization {
    private let bits: Int

    init(bits: Int) {
        self.bits = bits
    }

    func rows(_ rows: Variable, on tape: Tape) -> Variable { tape.fakeQuantizeRows(rows, bits: bits) }
}
