import Layers
import Tensors

extension Decoder {
    /// Takes over the embeddings, the last norm and some layers of a teacher of the same sizes.
    ///
    /// - Parameter chosen: the teacher's layer for each layer of the student, counted from 1; nil: student layer i of n gets
    ///   layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Decoder, chosen: [Int]? = nil) {
        precondition(configuration.canCopyLayers(of: teacher.configuration), "Decoder.copyLayers: other sizes")
        let (ours, theirs) = (configuration.layers, teacher.configuration.layers)
        let sources = chosen ?? (1...ours).map { ($0 * theirs + ours - 1) / ours }
        precondition(sources.count == ours, "Decoder.copyLayers: \(sources) for \(ours) layers")
        copy(teacher.parametersBesideLayers, to: parametersBesideLayers)
        for (layer, source) in zip(layers, sources) {
            copy(teacher.layers[source - 1].parameters, to: layer.parameters)
        }
    }

    private var parametersBesideLayers: [Parameter] {
        let inside = Set(layers.flatMap(\.parameters).map(\.name))
        return parameters.filter { !inside.contains($0.name) }
    }

    private func copy(_ sources: [Parameter], to destinations: [Parameter]) {
        precondition(sources.count == destinations.count, "Decoder.copy: \(sources.count) of \(destinations.count)")
        for (from, to) in zip(sources, destinations) { to.value = from.value }
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
