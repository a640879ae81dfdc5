import Files
public import Models
public import Tensors

/// A teacher that is run when its targets are asked for, without dropout; each batch once for all that is asked about it.
public final class LiveTeacher: TeacherTargets {
    private let teacher: Encoder
    private let hiddenLayers: Set<Int>
    private let attentionLayers: Set<Int>
    private let precision: Precision
    private var last: (sequences: [[Int32]], answer: Answer)?

    /// What it says to a batch, of the layers that are asked for.
    private struct Answer {
        /// What the head gives.
        let outputs: Tensor
        let logProbabilities: Tensor
        let hiddenStates: [Int: Tensor]
        let attentionStates: [Int: [AttentionPart: Tensor]]
    }

    /// - Parameters:
    ///   - hiddenLayers: the hidden states that will be asked for, 0 being the embedding output.
    ///   - attentionLayers: the layers, counted from 1, whose queries, keys and values will be asked for.
    ///   - precision: of the teacher's matrix products.
    /// - Throws: `InputError` where the teacher has no such layer.
    public init(
        _ teacher: Encoder, hiddenLayers: Set<Int>, attentionLayers: Set<Int> = [], precision: Precision = .float32
    ) throws {
        let layers = teacher.configuration.layers
        for layer in hiddenLayers.subtracting(0...layers).union(attentionLayers.subtracting(1...layers)) {
            throw InputError(
                problem: "layer \(layer) of the teacher is asked for, which has \(layers) layers",
                remedy: "name one of them in the recipe's loss")
        }
        self.teacher = teacher
        self.hiddenLayers = hiddenLayers
        self.attentionLayers = attentionLayers
        self.precision = precision
    }

    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        try answer(to: sequences).logProbabilities
    }

    public func pooled(for sequences: [[Int32]]) throws -> Tensor {
        try answer(to: sequences).outputs
    }

    public func pooledWidth() -> Int { teacher.configuration.outputWidth }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try require(layer, of: hiddenLayers)
        return try answer(to: sequences).hiddenStates[layer]!
    }

    public func width(layer: Int) throws -> Int {
        try require(layer, of: hiddenLayers)
        return teacher.configuration.hiddenSize
    }

    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try require(layer, of: attentionLayers)
        return try answer(to: sequences).attentionStates[layer]![part]!
    }

    public func heads(layer: Int) throws -> Int {
        try require(layer, of: attentionLayers)
        return teacher.configuration.heads[layer - 1]
    }

    private func require(_ layer: Int, of layers: Set<Int>) throws {
        guard layers.contains(layer) else {
            throw InputError(problem: "layer \(layer) of the teacher is not kept; kept are \(layers.sorted())")
        }
    }

    private func answer(to sequences: [[Int32]]) throws -> Answer {
        if let last, last.sequences == sequences { return last.answer }
        // The old batch's memory serves the new one.
        last = nil
        let batch = PackedBatch(sequences, samples: Array(sequences.indices))
        let output = teacher.forward(
            batch, on: Tape(recording: false, precision: precision), attentionLayers: attentionLayers)
        let logits = output.logits.value
        guard logits.isFinite else {
            throw InputError(
                problem: "the teacher gives logits that are NaN or infinite",
                remedy: "its weights have diverged or its file is damaged: train or export it again")
        }
        let answer = Answer(
            outputs: logits,
            logProbabilities: Tensor(logSoftmax(logits, temperature: 1).map { Float($0) }, shape: logits.shape),
            hiddenStates: Dictionary(
                uniqueKeysWithValues: hiddenLayers.map { ($0, output.hiddenStates[$0].value) }),
            attentionStates: output.attentionStates.mapValues { $0.mapValues(\.value) })
        last = (sequences, answer)
        return answer
    }
}
