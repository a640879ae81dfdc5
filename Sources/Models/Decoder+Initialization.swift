import Layers
import Tensors

extension Decoder {
    /// Takes over the embeddings, the last norm and evenly spaced layers of a teacher of the same sizes.
    ///
    /// Student layer i of n gets teacher layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Decoder) {
        precondition(configuration.canCopyLayers(of: teacher.configuration), "Decoder.copyLayers: other sizes")
        let (ours, theirs) = (configuration.layers, teacher.configuration.layers)
        let chosen = Set((0..<ours).map { (($0 + 1) * theirs + ours - 1) / ours - 1 })
        let left = teacher.layers.enumerated().filter { !chosen.contains($0.offset) }.flatMap { $0.element.parameters }
        let dropped = Set(left.map(\.name))
        let sources = teacher.parameters.filter { !dropped.contains($0.name) }
        precondition(sources.count == parameters.count, "Decoder.copyLayers: \(sources.count) of \(parameters.count)")
        for (from, to) in zip(sources, parameters) { to.value = from.value }
    }
}

extension DecoderConfiguration {
    /// Whether a decoder of this shape can begin with layers of such a teacher.
    public func canCopyLayers(of teacher: DecoderConfiguration) -> Bool {
        guard layers <= teacher.layers, Set(teacher.heads).count == 1, Set(teacher.keyHeads).count == 1,
            Set(teacher.feedForward).count == 1
        else { return false }
        var copied = teacher.keeping(layers: layers)
        copied.dropout = dropout
        return self == copied
    }

    /// The same shape with so many layers, each as the first.
    public func keeping(layers: Int) -> DecoderConfiguration {
        var configuration = self
        configuration.heads = Array(repeating: heads[0], count: layers)
        configuration.keyHeads = Array(repeating: keyHeads[0], count: layers)
        configuration.feedForward = Array(repeating: feedForward[0], count: layers)
        return configuration
    }
}
