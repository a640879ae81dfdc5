import Layers
public import Models
public import Tensors

/// A model whose answers can be recorded.
public protocol RecordableTeacher {
    /// What each prediction is for and over how many outcomes; nil where the model makes none.
    var predictions: (scope: TargetScope, outcomes: Int)? { get }
    /// Layers, without the embedding.
    var layers: Int { get }
    /// The heads of each layer whose queries, keys and values can be recorded: of all layers, or of none.
    var heads: [Int] { get }
    /// Floats of each column per row or position.
    func width(of column: TargetColumn) -> Int
    /// Roughly the floats that a forward pass holds per position.
    var floatsPerPosition: Int { get }
    /// Weights of the products that a forward pass does per position.
    var weights: Int { get }

    /// Runs the teacher over some rows, without dropout.
    ///
    /// - Parameter predict: hears each prediction's number and its logits, from several threads at once; it may overwrite
    ///   them. Nil where predictions are not recorded.
    /// - Returns: the columns: [N, width], or [R, width] of `.pooled`.
    func run(
        _ batch: PackedBatch, columns: [TargetColumn], predict: ((Int, UnsafeMutableBufferPointer<Float>) -> Void)?
    ) -> [Tensor]
}

/// Records an encoder: class logits per row, a masked language model's per position. What is pooled is a sentence's
/// embedding, a regression's numbers, or, of the others, the pooled hidden states before the head.
public struct EncoderTeacher: RecordableTeacher {
    private let encoder: Encoder

    public init(_ encoder: Encoder) {
        self.encoder = encoder
    }

    private var configuration: EncoderConfiguration { encoder.configuration }

    public var predictions: (scope: TargetScope, outcomes: Int)? {
        switch configuration.head {
        case .classification: (.row, configuration.labels.count)
        case .maskedLanguageModel: (.position, configuration.vocabularySize)
        case .regression, .embedding, .none: nil
        }
    }

    public var layers: Int { configuration.layers }
    public var heads: [Int] { configuration.heads }

    public func width(of column: TargetColumn) -> Int {
        switch column {
        case .hidden: configuration.hiddenSize
        case .attention(_, let layer): configuration.heads[layer - 1] * configuration.headSize
        case .pooled: configuration.head == .regression ? configuration.labels.count : configuration.hiddenSize
        }
    }

    public var floatsPerPosition: Int {
        let widest = configuration.feedForward.reduce(0, max)
        let logits = predictions?.scope == .position ? configuration.vocabularySize : 0
        return (configuration.layers + 8) * configuration.hiddenSize + 2 * widest + logits
    }

    public var weights: Int {
        encoder.linearLayers.reduce(encoder.vocabularyHead == nil ? 0 : encoder.wordEmbeddings.parameterCount) {
            $0 + $1.weight.count
        }
    }

    public func run(
        _ batch: PackedBatch, columns: [TargetColumn], predict: ((Int, UnsafeMutableBufferPointer<Float>) -> Void)?
    ) -> [Tensor] {
        let tape = Tape(recording: false)
        let attention = columns.compactMap { if case .attention(_, let layer) = $0 { layer } else { nil } }
        let output = encoder.forward(batch, on: tape, attentionLayers: Set(attention))
        if let predict { forEachRow(of: output.logits.value, predict) }
        return columns.map { column in
            switch column {
            case .hidden(let layer): output.hiddenStates[layer].value
            case .attention(let part, let layer):
                output.attentionStates[layer]![part]!.value
            case .pooled: pooled(output, batch, on: tape)
            }
        }
    }

    private func pooled(_ output: Encoder.Output, _ batch: PackedBatch, on tape: Tape) -> Tensor {
        let last = output.hiddenStates[configuration.layers]
        switch (configuration.head, configuration.pooling) {
        case (.embedding, _), (.regression, _): return output.logits.value
        case (_, .first): return tape.firstPosition(last, batch.offsets).value
        case (_, .mean): return tape.meanPosition(last, batch.offsets).value
        case (_, .max): return tape.maxPosition(last, batch.offsets).value
        }
    }

    private func forEachRow(of logits: Tensor, _ body: (Int, UnsafeMutableBufferPointer<Float>) -> Void) {
        let (rows, width) = (logits.rows, logits.width)
        var values = logits.values
        values.withUnsafeMutableBufferPointer { values in
            // Each row is one thread's.
            nonisolated(unsafe) let values = values
            Threads.forEach(rows) { row in
                body(row, UnsafeMutableBufferPointer(rebasing: values[row * width..<(row + 1) * width]))
            }
        }
    }
}

/// Records a decoder: the distribution of the next token at each position. Its last hidden state is the one after the last
/// norm, as in `transformers`; pooled is the last position's.
public struct DecoderTeacher: RecordableTeacher {
    private let decoder: Decoder

    public init(_ decoder: Decoder) {
        self.decoder = decoder
    }

    private var configuration: DecoderConfiguration { decoder.configuration }

    public var predictions: (scope: TargetScope, outcomes: Int)? { (.position, configuration.vocabularySize) }
    public var layers: Int { configuration.layers }
    public var heads: [Int] { [] }
    public func width(of column: TargetColumn) -> Int { configuration.hiddenSize }

    public var floatsPerPosition: Int {
        (configuration.layers + 8) * configuration.hiddenSize + 3 * configuration.feedForward.reduce(0, max)
    }

    public var weights: Int { configuration.parameterCount }

    public func run(
        _ batch: PackedBatch, columns: [TargetColumn], predict: ((Int, UnsafeMutableBufferPointer<Float>) -> Void)?
    ) -> [Tensor] {
        let tape = Tape(recording: false)
        let output = decoder.forward(batch, on: tape, capturing: columns.contains { $0.scope == .position })
        if let predict {
            // The logits exist for a block of positions at a time.
            _ = tape.rowwiseLoss(output.hidden, weight: decoder.vocabularyTable.on(tape)) { row, logits in
                predict(row, logits)
                return 0
            }
        }
        return columns.map { column in
            switch column {
            case .hidden(let layer) where layer < configuration.layers: output.states[layer].value
            case .hidden: output.hidden.value
            case .pooled:
                tape.embedding(
                    output.hidden, ids: (0..<batch.offsets.count).map { Int32(batch.offsets[$0].upperBound - 1) }
                ).value
            case .attention: preconditionFailure("a decoder's attention is not recorded")
            }
        }
    }
}
