import Files
import Layers
public import Models
import Tensors

extension Decoder: PrunableModel {
    /// A smaller decoder without the given groups of heads and feed-forward neurons; this one stays as it is.
    ///
    /// A group leaves with its head of keys and values and with all query heads that share it; where every query head has
    /// its own (GPT-2), a group is a head. A neuron leaves with its rows of W₁ and of the gate, and its column of W₂. With
    /// the last of them the norm before them goes too; what is left of such a block is the bias of its output, if any.
    ///
    /// - Throws: `InputErrors` for a unit that does not exist.
    public func removing(heads groups: Set<LayerUnit>, neurons: Set<LayerUnit> = []) throws -> Decoder {
        let kept = try KeptUnits(scorableLayers, without: groups, neurons, named: "group")
        return smaller(
            queries: zip(layers, kept.heads).map { $1.expanded(by: $0.groupSize) }, keys: kept.heads,
            neurons: kept.neurons)
    }

    /// A smaller decoder without some query heads, the same number of them in each group of a layer: keys and values stay.
    ///
    /// - Parameter removed: query heads, counted from 0 within their layer.
    /// - Throws: `InputErrors` for a head that does not exist, and for groups that would differ in size or be empty.
    public func removing(queryHeads removed: Set<LayerUnit>) throws -> Decoder {
        let kept = layers.map { layer in
            (0..<layer.heads).filter { !removed.contains(LayerUnit(layer: layer.index, index: $0)) }
        }
        var errors = removed.filter {
            !layers.indices.contains($0.layer) || !(0..<layers[$0.layer].heads).contains($0.index)
        }.sorted().map { InputError(problem: "there is no query head \($0.index) in layer \($0.layer)") }
        for (layer, heads) in zip(layers, kept) {
            let size = layer.groupSize
            let sizes = (0..<layer.keyHeads).map { group in heads.count { $0 / size == group } }
            guard Set(sizes).count > 1 || sizes.contains(0) else { continue }
            errors.append(
                InputError(
                    problem: "the groups of layer \(layer.index) would keep \(sizes) query heads",
                    remedy: "remove the same number from each group and leave at least one, or whole groups"))
        }
        if !errors.isEmpty { throw InputErrors(errors) }
        return smaller(
            queries: kept, keys: configuration.keyHeads.map { Array(0..<$0) },
            neurons: configuration.feedForward.map { Array(0..<$0) })
    }

    public func removing(layers removed: Set<Int>) throws -> Decoder {
        let kept = try KeptUnits.layers(of: configuration.layers, without: removed)
        var smaller = configuration
        smaller.heads = kept.map { configuration.heads[$0] }
        smaller.keyHeads = kept.map { configuration.keyHeads[$0] }
        smaller.feedForward = kept.map { configuration.feedForward[$0] }
        let pruned = Decoder(unfilled: smaller)
        pruned.takeOutside(of: self)
        for (target, index) in zip(pruned.layers, kept) {
            for (parameter, source) in zip(target.parameters, layers[index].parameters) {
                parameter.value = source.value
            }
        }
        return pruned
    }

    /// - Parameters:
    ///   - queries: query heads that stay, per layer; as many of each group that stays.
    ///   - keys: heads of keys and values that stay.
    private func smaller(queries: [[Int]], keys: [[Int]], neurons: [[Int]]) -> Decoder {
        var smaller = configuration
        smaller.heads = queries.map(\.count)
        smaller.keyHeads = keys.map(\.count)
        smaller.feedForward = neurons.map(\.count)
        let pruned = Decoder(unfilled: smaller)
        pruned.takeOutside(of: self)
        let size = configuration.headSize
        for (index, (target, source)) in zip(pruned.layers, layers).enumerated() {
            let (attended, read) = (queries[index].expanded(by: size), keys[index].expanded(by: size))
            target.query.takeRows(attended, of: source.query)
            target.key.takeRows(read, of: source.key)
            target.value.takeRows(read, of: source.value)
            target.attentionOutput.takeColumns(attended, of: source.attentionOutput)
            let (inner, whole) = (target.feedForward, source.feedForward)
            if let gate = inner.gate, let other = whole.gate { gate.takeRows(neurons[index], of: other) }
            inner.up.takeRows(neurons[index], of: whole.up)
            inner.down.takeColumns(neurons[index], of: whole.down)
            for (norm, other) in [
                (target.attentionNorm, source.attentionNorm), (target.feedForwardNorm, source.feedForwardNorm),
            ] {
                for (parameter, from) in zip(norm.parameters, other.parameters) { parameter.value = from.value }
            }
        }
        return pruned
    }

    /// Takes over what stands before and behind the layers.
    private func takeOutside(of other: Decoder) {
        func outside(_ decoder: Decoder) -> [Parameter] {
            let inside = Set(decoder.layers.flatMap(\.parameters).map(\.name))
            return decoder.parameters.filter { !inside.contains($0.name) }
        }
        for (target, source) in zip(outside(self), outside(other)) { target.value = source.value }
    }
}

extension DecoderLayer {
    /// Query heads that share a head of keys and values; of a layer without heads 1.
    var groupSize: Int { keyHeads > 0 ? heads / keyHeads : 1 }
}
