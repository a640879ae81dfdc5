import Files
import Layers
public import Models
import Tensors

extension Encoder {
    /// A smaller encoder without the given heads and feed-forward neurons; this one stays as it is.
    ///
    /// A head leaves with its D rows of Wq, Wk, Wv and of their biases and its D columns of Wo; a neuron with its row of
    /// W₁ and b₁ and its column of W₂. The output equals that of this encoder with the units' outputs set to zero.
    /// Parameters keep their names; the configuration carries each layer's sizes.
    ///
    /// The encoder must not be under simulated quantization, whose scales belong to the old sizes.
    ///
    /// - Throws: `InputErrors` for a unit that does not exist and for a layer that would be left without any.
    public func removing(heads: Set<LayerUnit>, neurons: Set<LayerUnit> = []) throws -> Encoder {
        precondition(linearLayers.allSatisfy { $0.quantization == nil }, "Encoder.removing: prune before quantization")
        let (keptHeads, headErrors) = kept("head", of: configuration.heads, without: heads)
        let (keptNeurons, neuronErrors) = kept("neuron", of: configuration.feedForward, without: neurons)
        let errors = headErrors + neuronErrors
        if !errors.isEmpty { throw InputErrors(errors) }
        var smaller = configuration
        smaller.heads = keptHeads.map(\.count)
        smaller.feedForward = keptNeurons.map(\.count)
        let pruned = Encoder(unfilled: smaller)
        for (target, source) in zip(pruned.parameters, parameters) { target.value = source.value }
        for (index, (target, source)) in zip(pruned.layers, layers).enumerated() {
            let size = configuration.headSize
            let attended = keptHeads[index].flatMap { $0 * size..<($0 + 1) * size }
            target.query.takeRows(attended, of: source.query)
            target.key.takeRows(attended, of: source.key)
            target.value.takeRows(attended, of: source.value)
            target.attentionOutput.weight.value = source.attentionOutput.weight.value.columns(attended)
            target.intermediate.takeRows(keptNeurons[index], of: source.intermediate)
            target.output.weight.value = source.output.weight.value.columns(keptNeurons[index])
        }
        return pruned
    }
}

/// Per layer the indices that stay, and what is wrong with the removal.
private func kept(
    _ unit: String, of counts: [Int], without removed: Set<LayerUnit>
) -> (kept: [[Int]], errors: [InputError]) {
    let unknown = removed.filter { !counts.indices.contains($0.layer) || !(0..<counts[$0.layer]).contains($0.index) }
    var errors = unknown.sorted().map {
        InputError(
            problem: "there is no \(unit) \($0.index) in layer \($0.layer)",
            remedy: "layers 0 to \(counts.count - 1) have \(counts) \(unit)s, each counted from 0")
    }
    let kept = counts.enumerated().map { layer, count in
        (0..<count).filter { !removed.contains(LayerUnit(layer: layer, index: $0)) }
    }
    for (layer, indices) in kept.enumerated() where indices.isEmpty {
        errors.append(
            InputError(
                problem: "layer \(layer) would lose its last \(unit)",
                remedy: "this version keeps at least one \(unit) in every layer"))
    }
    return (kept, errors)
}

extension Linear {
    /// Takes up the given rows of another layer's weight and bias.
    fileprivate func takeRows(_ rows: [Int], of other: Linear) {
        weight.value = other.weight.value.rows(rows)
        if let bias, let all = other.bias?.value.values {
            bias.value = Tensor(rows.map { all[$0] }, shape: [rows.count])
        }
    }
}

extension Tensor {
    /// The given rows of a matrix.
    fileprivate func rows(_ rows: [Int]) -> Tensor {
        let (width, all) = (width, values)
        return Tensor(rows.flatMap { all[$0 * width..<($0 + 1) * width] }, shape: [rows.count, width])
    }

    /// The given columns of a matrix.
    fileprivate func columns(_ columns: [Int]) -> Tensor {
        let (width, height, all) = (width, rows, values)
        var kept: [Float] = []
        kept.reserveCapacity(height * columns.count)
        for row in 0..<height {
            for column in columns { kept.append(all[row * width + column]) }
        }
        return Tensor(kept, shape: [height, columns.count])
    }
}
