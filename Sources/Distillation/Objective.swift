public import Models
public import Tensors

/// What one micro-batch is part of: the whole optimizer step.
public struct StepScope: Sendable {
    /// Examples in the whole step, over all micro-batches.
    public let examples: Int
    /// Token positions in the whole step.
    public let positions: Int
    /// Pairs of positions of one sequence in the whole step: Σ T².
    public let pairs: Int
    /// Stands for the seed and the epoch; nil where dropout is off.
    public let dropout: RandomKey?
    /// How far training has come: 0 in its first step, 1 in its last.
    public let progress: Double

    /// - Parameter lengths: the token positions of each example of the step.
    public init(lengths: [Int], dropout: RandomKey?, progress: Double = 0) {
        examples = lengths.count
        positions = lengths.reduce(0, +)
        pairs = lengths.reduce(0) { $0 + $1 * $1 }
        self.dropout = dropout
        self.progress = progress
    }
}

/// A term of the combined loss as it is logged: before its weight.
public struct LossTerm: Equatable, Sendable {
    public let name: String
    public let value: Float
}

/// What is minimized: computes the loss of some examples on a tape.
public protocol Objective {
    /// Number of examples to choose from.
    var exampleCount: Int { get }
    /// Token positions of an example.
    func length(of example: Int) -> Int
    /// Hears which examples will be asked for next, while the present ones are computed.
    func prepare(_ examples: [Int])
    /// The share of these examples in the step's loss, and the terms it is made of.
    func loss(of examples: [Int], in scope: StepScope, on tape: Tape) throws -> (loss: Variable, terms: [LossTerm])
}

extension Objective {
    /// For objectives that have everything at hand.
    public func prepare(_ examples: [Int]) {}
}

/// Token sequences with their labels, ready for training or evaluation.
public struct LabelledSequences: Sendable {
    public let sequences: [[Int32]]
    public let labels: [Int]

    public init(sequences: [[Int32]], labels: [Int]) {
        precondition(sequences.count == labels.count, "LabelledSequences: \(sequences.count) and \(labels.count)")
        self.sequences = sequences
        self.labels = labels
    }

    public var count: Int { labels.count }

    /// The packed batch of some examples; dropout is keyed by their numbers.
    public func batch(_ examples: [Int]) -> PackedBatch {
        PackedBatch(examples.map { sequences[$0] }, samples: examples)
    }
}
