import Layers
public import Models
import Tensors

/// Makes a float encoder compute as its quantized form will, for quantization-aware training.
///
/// Inputs of the quantized linear layers are rounded on their calibrated grids, which stay fixed; weights and embedding
/// rows are rounded on grids that follow them from step to step. Gradients pass by the straight-through estimator and
/// are 0 where an input was clipped. The parameters themselves stay float.
public enum QuantizationSimulation {
    /// Puts the simulation on every quantized layer of `encoder`.
    ///
    /// - Throws: `InputError` naming a layer whose range is missing, empty or not finite; nothing is attached then.
    public static func attach(to encoder: Encoder, ranges: ActivationRanges) throws {
        let layers = encoder.quantizedGroups.flatMap { $0 }
        let simulations = try layers.map { SimulatedLinear(input: try ranges.quantization(of: $0.name)) }
        for (layer, simulation) in zip(layers, simulations) { layer.quantization = simulation }
        for embedding in encoder.embeddings { embedding.quantization = SimulatedEmbedding() }
    }

    /// Lets the encoder compute in float again, with the weights that it has now.
    public static func detach(from encoder: Encoder) {
        for layer in encoder.linearLayers { layer.quantization = nil }
        for embedding in encoder.embeddings { embedding.quantization = nil }
    }
}

private final class SimulatedLinear: LinearQuantization {
    private let quantization: UInt8Quantization

    init(input quantization: UInt8Quantization) {
        self.quantization = quantization
    }

    func input(_ x: Variable, on tape: Tape) -> Variable { tape.fakeQuantize(x, quantization) }
    func weight(_ weight: Variable, on tape: Tape) -> Variable { tape.fakeQuantizeRows(weight) }
}

private final class SimulatedEmbedding: EmbeddingQuantization {
    func rows(_ rows: Variable, on tape: Tape) -> Variable { tape.fakeQuantizeRows(rows) }
}
