import Layers
import Tensors

extension Encoder {
    /// Gives the classes other names, in the same order.
    public func rename(classes: [String]) {
        precondition(
            classes.count == configuration.labels.count, "Encoder.rename: \(classes) for \(configuration.labels)")
        setLabels(classes)
    }

    /// Takes over the embeddings and evenly spaced layers of a teacher of the same width, heads and feed-forward size.
    ///
    /// A teacher may have more positions and more rows in its table; the first ones are taken.
    /// Student layer i of n gets teacher layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Encoder) {
        let layers = configuration.layers
        precondition(configuration.canCopyLayers(of: teacher.configuration), "Encoder.copyLayers: other sizes")
        copyRows(of: teacher.wordEmbeddings, to: wordEmbeddings)
        copyRows(of: teacher.positionEmbeddings, to: positionEmbeddings)
        copyRows(of: teacher.tokenTypeEmbeddings, to: tokenTypeEmbeddings)
        copy(teacher.embeddingNorm, to: embeddingNorm)
        for (index, layer) in self.layers.enumerated() {
            let source = ((index + 1) * teacher.configuration.layers + layers - 1) / layers - 1
            copy(teacher.layers[source], to: layer)
        }
        copy(teacher.pooler, to: pooler)
        copy(teacher.classifier, to: classifier)
    }

    private func copy(_ source: any Module, to destination: any Module) {
        for (from, to) in zip(source.parameters, destination.parameters) { to.value = from.value }
    }

    private func copyRows(of source: Embedding, to destination: Embedding) {
        let shape = destination.table.value.shape
        destination.table.value = Tensor(
            Array(source.table.value.values.prefix(shape[0] * shape[1])), shape: shape)
    }
}

extension EncoderConfiguration {
    /// Whether an encoder of this shape can begin with layers of such a teacher.
    public func canCopyLayers(of teacher: EncoderConfiguration) -> Bool {
        teacher.hiddenSize == hiddenSize && teacher.headSize == headSize && layers <= teacher.layers
            && Set(heads + teacher.heads).count == 1 && Set(feedForward + teacher.feedForward).count == 1
            && vocabularySize <= teacher.vocabularySize && maximumPositions <= teacher.maximumPositions
            && tokenTypes <= teacher.tokenTypes && labels.count == teacher.labels.count
    }
}
