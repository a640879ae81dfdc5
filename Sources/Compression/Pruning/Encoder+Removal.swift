import Files
import Layers
public import Models
import Tensors

extension Encoder: PrunableModel {
    /// A smaller encoder without the given heads and feed-forward neurons; this one stays as it is.
    ///
    /// A head leaves with its D rows of Wq, Wk, Wv and of their biases and its D columns of Wo; a neuron with its row of
    /// W₁ and b₁ and its column of W₂. The output equals that of this encoder with the units' outputs set to zero: a layer
    /// that loses its last head keeps the bias of Wo and the residual path. Parameters keep their names; the configuration
    /// carries each layer's sizes.
    ///
    /// The encoder must not be under simulated quantization, whose scales belong to the old sizes.
    ///
    /// - Throws: `InputErrors` for a unit that does not exist.
    public func removing(heads: Set<LayerUnit>, neurons: Set<LayerUnit> = []) throws -> Encoder {
        precondition(linearLayers.allSatisfy { $0.quantization == nil }, "Encoder.removing: prune before quantization")
        let kept = try KeptUnits(scorableLayers, without: heads, neurons)
        var smaller = configuration
        smaller.heads = kept.heads.map(\.count)
        smaller.feedForward = kept.neurons.map(\.count)
        let pruned = Encoder(unfilled: smaller)
        pruned.takeOutside(of: self)
        for (index, (target, source)) in zip(pruned.layers, layers).enumerated() {
            target.take(
                source, attended: kept.heads[index].expanded(by: configuration.headSize),
                neurons: kept.neurons[index])
        }
        return pruned
    }

    public func removing(layers removed: Set<Int>) throws -> Encoder {
        let kept = try KeptUnits.layers(of: configuration.layers, without: removed)
        var smaller = configuration
        smaller.heads = kept.map { configuration.heads[$0] }
        smaller.feedForward = kept.map { configuration.feedForward[$0] }
        let pruned = Encoder(unfilled: smaller)
        pruned.takeOutside(of: self)
        for (target, index) in zip(pruned.layers, kept) {
            target.take(
                layers[index], attended: Array(0..<configuration.heads[index] * configuration.headSize),
                neurons: Array(0..<configuration.feedForward[index]))
        }
        return pruned
    }

    /// Takes over what stands before and behind the layers.
    private func takeOutside(of other: Encoder) {
        func outside(_ encoder: Encoder) -> [Parameter] {
            let inside = Set(encoder.layers.flatMap(\.parameters).map(\.name))
            return encoder.parameters.filter { !inside.contains($0.name) }
        }
        for (target, source) in zip(outside(self), outside(other)) { target.value = source.value }
    }
}

extension EncoderLayer {
    /// Takes up the given columns of another layer's contexts and some of its neurons.
    fileprivate func take(_ source: EncoderLayer, attended: [Int], neurons: [Int]) {
        query.takeRows(attended, of: source.query)
        key.takeRows(attended, of: source.key)
        value.takeRows(attended, of: source.value)
        attentionOutput.takeColumns(attended, of: source.attentionOutput)
        intermediate.takeRows(neurons, of: source.intermediate)
        output.takeColumns(neurons, of: source.output)
        for (norm, whole) in [(attentionNorm, source.attentionNorm), (outputNorm, source.outputNorm)] {
            (norm.gamma.value, norm.beta.value) = (whole.gamma.value, whole.beta.value)
        }
    }
}
