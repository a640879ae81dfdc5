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

    /// Takes over the embeddings, the head and some layers of a teacher that is at least as large.
    ///
    /// Of a wider teacher the first columns of the hidden states, the first heads of each layer, whole, the first
    /// feed-forward neurons and the first rows of the tables are taken, the same ones everywhere. Without its other heads and
    /// neurons the teacher would compute the same; without its other columns not, for its norms are over all of them.
    ///
    /// - Parameter chosen: the teacher's layer for each layer of the student, counted from 1; nil: student layer i of n gets
    ///   layer ⌈(i + 1) · m / n⌉ of m, so that the last layers correspond.
    public func copyLayers(of teacher: Encoder, chosen: [Int]? = nil) {
        precondition(
            configuration.canCopyLayers(of: teacher.configuration, chosen: chosen), "Encoder.copyLayers: other sizes")
        copy(teacher.wordEmbeddings, to: wordEmbeddings)
        copy(teacher.positionEmbeddings, to: positionEmbeddings)
        if let from = teacher.tokenTypeEmbeddings, let to = tokenTypeEmbeddings { copy(from, to: to) }
        copy(teacher.embeddingNorm, to: embeddingNorm)
        for (layer, source) in zip(layers, configuration.sources(in: teacher.configuration, chosen: chosen)) {
            copy(teacher.layers[source - 1], to: layer)
        }
        for (from, to) in zip(teacher.headParameters, headParameters) { copy(from, to: to) }
    }

    private func copy(_ source: any Module, to destination: any Module) {
        for (from, to) in zip(source.parameters, destination.parameters) { copy(from, to: to) }
    }

    /// The first rows and columns of a matrix, or numbers of a vector.
    private func copy(_ source: Parameter, to destination: Parameter) {
        let (from, shape) = (source.value, destination.value.shape)
        guard from.shape != shape else {
            destination.value = from
            return
        }
        let values = from.values
        let (width, wanted) = (from.shape.last!, shape.last!)
        let rows = shape.dropLast().reduce(1, *)
        destination.value = Tensor((0..<rows).flatMap { values[$0 * width..<$0 * width + wanted] }, shape: shape)
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
    ///
    /// - Parameter chosen: the teacher's layers, counted from 1; nil: evenly spaced.
    public func canCopyLayers(of teacher: EncoderConfiguration, chosen: [Int]? = nil) -> Bool {
        guard layers <= teacher.layers, chosen.map({ $0.count == layers }) ?? true else { return false }
        let sources = sources(in: teacher, chosen: chosen)
        guard sources.allSatisfy((1...teacher.layers).contains) else { return false }
        let layersFit = sources.enumerated().allSatisfy { index, source in
            heads[index] <= teacher.heads[source - 1] && feedForward[index] <= teacher.feedForward[source - 1]
        }
        return layersFit && hiddenSize <= teacher.hiddenSize && headSize == teacher.headSize
            && vocabularySize <= teacher.vocabularySize && maximumPositions <= teacher.maximumPositions
            && tokenTypes <= teacher.tokenTypes && labels.count == teacher.labels.count
            && family == teacher.family && head == teacher.head && activation == teacher.activation
            && positionOffset == teacher.positionOffset
            && (head != .maskedLanguageModel || vocabularySize == teacher.vocabularySize)
    }

    /// The teacher's layer, counted from 1, that each layer of this encoder begins with.
    func sources(in teacher: EncoderConfiguration, chosen: [Int]?) -> [Int] {
        chosen ?? (1...layers).map { ($0 * teacher.layers + layers - 1) / layers }
    }
}
