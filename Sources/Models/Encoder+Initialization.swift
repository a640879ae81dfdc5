import Layers
public import Tensors

extension Encoder {
    /// Draws the matrices of the head anew that a checkpoint does not hold: normal with deviation 0.02.
    ///
    /// - Parameter isMissing: tells by a parameter's name whether the checkpoint lacks it.
    public func drawHead(key: RandomKey, where isMissing: (String) -> Bool) {
        for parameter in headParameters where parameter.decays && isMissing(parameter.name) {
            parameter.value =
                Parameter.normal(name: parameter.name, shape: parameter.value.shape, deviation: 0.02, key: key).value
        }
    }

    /// Gives the classes other names, in the same order.
    public func rename(classes: [String]) {
        precondition(
            classes.count == configuration.labels.count, "Encoder.rename: \(classes) for \(configuration.labels)")
        setLabels(classes)
    }

    /// Takes over the embeddings and evenly spaced layers of a teacher of the same width, heads and feed-forward size.
    ///
    /// A teacher may have more positions and more rows in its tables; the first ones are taken.
    /// Student layer i of n gets teacher layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Encoder) {
        let layers = configuration.layers
        precondition(configuration.canCopyLayers(of: teacher.configuration), "Encoder.copyLayers: other sizes")
        copyRows(of: teacher.wordEmbeddings, to: wordEmbeddings)
        copyRows(of: teacher.positionEmbeddings, to: positionEmbeddings)
        if let from = teacher.tokenTypeEmbeddings, let to = tokenTypeEmbeddings { copyRows(of: from, to: to) }
        copy(teacher.embeddingNorm, to: embeddingNorm)
        for (index, layer) in self.layers.enumerated() {
            let source = ((index + 1) * teacher.configuration.layers + layers - 1) / layers - 1
            copy(teacher.layers[source], to: layer)
        }
        for (from, to) in zip(teacher.headParameters, headParameters) { to.value = from.value }
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
    /// The same layers under a fresh classifier, as fine-tuning begins: it reads the first position, as published ones do.
    public func classifying(_ classes: [String]) -> EncoderConfiguration {
        var configuration = self
        configuration.head = .classification
        configuration.pooling = .first
        configuration.normalizesEmbedding = false
        configuration.textLimit = nil
        configuration.labels = classes
        return configuration
    }

    /// Whether an encoder of this shape can begin with layers of such a teacher.
    public func canCopyLayers(of teacher: EncoderConfiguration) -> Bool {
        teacher.hiddenSize == hiddenSize && teacher.headSize == headSize && layers <= teacher.layers
            && Set(heads + teacher.heads).count == 1 && Set(feedForward + teacher.feedForward).count == 1
            && vocabularySize <= teacher.vocabularySize && maximumPositions <= teacher.maximumPositions
            && tokenTypes <= teacher.tokenTypes && labels.count == teacher.labels.count
            && family == teacher.family && head == teacher.head && activation == teacher.activation
            && positionOffset == teacher.positionOffset
            && (head != .maskedLanguageModel || vocabularySize == teacher.vocabularySize)
    }
}
