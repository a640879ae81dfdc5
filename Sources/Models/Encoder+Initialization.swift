import Layers
import Tensors

extension Encoder {
    /// Gives the classes other names, in the same order.
    public func rename(classes: [String]) {
        precondition(
            classes.count == configuration.labels.count, "Encoder.rename: \(classes) for \(configuration.labels)")
        setLabels(classes)
    }

    /// Takes over the embeddings and evenly spaced layers of a teacher of the same width and layer sizes.
    ///
    /// Student layer i of n gets teacher layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Encoder) {
        let layers = configuration.layers
        precondition(
            teacher.configuration.hiddenSize == configuration.hiddenSize && layers <= teacher.configuration.layers,
            "Encoder.copyLayers: a teacher of width \(teacher.configuration.hiddenSize)")
        copy(teacher.wordEmbeddings, to: wordEmbeddings)
        copy(teacher.positionEmbeddings, to: positionEmbeddings)
        copy(teacher.tokenTypeEmbeddings, to: tokenTypeEmbeddings)
        copy(teacher.embeddingNorm, to: embeddingNorm)
        for (index, layer) in self.layers.enumerated() {
            let source = ((index + 1) * teacher.configuration.layers + layers - 1) / layers - 1
            copy(teacher.layers[source], to: layer)
        }
        copy(teacher.pooler, to: pooler)
        copy(teacher.classifier, to: classifier)
    }

    /// Copies weights of equal shape; those of another shape keep their first values.
    private func copy(_ source: any Module, to destination: any Module) {
        for (from, to) in zip(source.parameters, destination.parameters) where from.value.shape == to.value.shape {
            to.value = from.value
        }
    }
}
