import Files
public import Models
public import Tensors

/// A language model that is run when its targets are asked for; each batch once for all that is asked about it.
public final class LiveDecoderTeacher: TeacherTargets {
    private let teacher: Decoder
    private let hiddenLayers: [Int]
    private let kept: Int
    private let temperature: Double
    private var last: (sequences: [[Int32]], answer: Answer)?

    private struct Answer {
        let likeliest: SparseTargets
        let hiddenStates: [Int: Tensor]
    }

    /// - Parameters:
    ///   - hiddenLayers: the hidden states that will be asked for, 0 being the embedding output.
    ///   - kept: k, the outcomes that are told apart at a position.
    ///   - temperature: the one that will be asked for.
    /// - Throws: `InputError` where the teacher has no such layer.
    public init(_ teacher: Decoder, hiddenLayers: Set<Int>, kept: Int, temperature: Double) throws {
        let layers = teacher.configuration.layers
        for layer in hiddenLayers.subtracting(0...layers) {
            throw InputError(
                problem: "layer \(layer) of the teacher is asked for, which has \(layers) layers",
                remedy: "name one of them in the recipe's loss")
        }
        self.teacher = teacher
        self.hiddenLayers = hiddenLayers.sorted()
        self.kept = min(kept, teacher.configuration.vocabularySize)
        self.temperature = temperature
    }

    public func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
        precondition(temperature == self.temperature, "LiveDecoderTeacher: T = \(temperature)")
        return try answer(to: sequences).likeliest
    }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try answer(to: sequences).hiddenStates[layer]!
    }

    public func width(layer: Int) -> Int { teacher.configuration.hiddenSize }

    private func answer(to sequences: [[Int32]]) throws -> Answer {
        if let last, last.sequences == sequences { return last.answer }
        // The old batch's memory serves the new one.
        last = nil
        let batch = PackedBatch(sequences, samples: Array(sequences.indices))
        let columns = hiddenLayers.map { TargetColumn.hidden($0) }
        var states: [Tensor] = []
        let block = PredictionBlock(rows: batch.tokens.count, kept: kept, temperatures: [temperature]) { predict in
            withoutActuallyEscaping(predict) {
                states = DecoderTeacher(teacher).run(batch, columns: columns, predict: $0)
            }
        }
        guard block.logNormalizers.allSatisfy(\.isFinite) else {
            throw InputError(
                problem: "the teacher gives logits that are NaN or infinite",
                remedy: "its weights have diverged or its file is damaged: train or export it again")
        }
        let answer = Answer(
            likeliest: SparseTargets(
                k: kept, ids: block.ids, logProbabilities: block.logProbabilities,
                logNormalizers: block.logNormalizers),
            hiddenStates: Dictionary(uniqueKeysWithValues: zip(hiddenLayers, states)))
        last = (sequences, answer)
        return answer
    }
}
