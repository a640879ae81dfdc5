public import Distillation
import Files
import Models
import Tensors

/// The examples that importance is measured on, and what the loss compares the model's answers with.
public struct CalibrationSequences {
    /// What the loss is taken against.
    public enum Target: Equatable, Sendable {
        /// A class for every example.
        case labels([Int])
        /// The tokens that follow, of a language model.
        case nextTokens
        /// The answers of the unpruned model itself: nothing but the texts is needed.
        case ownOutputs
    }

    public let sequences: [[Int32]]
    public let target: Target
    /// Told before every part of a pass over the examples how many are done; an error that it throws ends the pass.
    public var advanced: ((_ done: Int) throws -> Void)?

    public init(_ sequences: [[Int32]], target: Target, advanced: ((_ done: Int) throws -> Void)? = nil) {
        if case .labels(let labels) = target {
            precondition(
                labels.count == sequences.count, "CalibrationSequences: \(sequences.count) and \(labels.count)")
        }
        self.sequences = sequences
        self.target = target
        self.advanced = advanced
    }

    /// Labelled examples.
    public init(_ data: LabelledSequences) {
        self.init(data.sequences, target: .labels(data.labels))
    }

    public var count: Int { sequences.count }

    /// The same texts without their labels.
    public var withoutLabels: CalibrationSequences {
        CalibrationSequences(sequences, target: .ownOutputs, advanced: advanced)
    }

    /// Sorted by length, tokens and label, so that sums, halves and resamples do not depend on the order of the data.
    var inCanonicalOrder: CalibrationSequences {
        let labels: [Int]? = if case .labels(let labels) = target { labels } else { nil }
        let order = sequences.indices.sorted { a, b in
            let (x, y) = (sequences[a], sequences[b])
            if x.count != y.count { return x.count < y.count }
            return x == y ? (labels?[a] ?? 0) < (labels?[b] ?? 0) : x.lexicographicallyPrecedes(y)
        }
        return CalibrationSequences(
            order.map { sequences[$0] }, target: labels.map { labels in .labels(order.map { labels[$0] }) } ?? target,
            advanced: advanced)
    }

    /// A pass over the examples in order, so many at a time.
    func forEachBatch(of size: Int, _ body: (_ examples: Range<Int>) throws -> Void) throws {
        for start in stride(from: 0, to: count, by: size) {
            try advanced?(start)
            try body(start..<min(start + size, count))
        }
    }

    /// The packed batch of some examples.
    func batch(_ examples: Range<Int>) -> PackedBatch {
        PackedBatch(Array(sequences[examples]), samples: Array(examples))
    }

    /// A number for every text, which draws of its own depend on: the same in any order and batch.
    func key(of example: Int, in key: RandomKey) -> RandomKey {
        sequences[example].reduce(key) { $0.mixed(Int($1)) }
    }
}

extension CalibrationSequences {
    /// Refuses what a model cannot read.
    ///
    /// - Parameters:
    ///   - classes: the number of labels that there are; nil where the model has no classes.
    ///   - least: tokens that a text must have.
    /// - Throws: `InputError` naming the first example that does not fit.
    func check(classes: Int?, least: Int, longest: Int, vocabulary: Int) throws {
        guard count > 0 else {
            throw InputError(
                problem: "there are no calibration examples to score heads on",
                remedy: "give at least one example; some hundreds make scores that can be trusted")
        }
        func refuse(_ example: Int, _ problem: String, _ remedy: String) -> InputError {
            InputError(problem: "calibration example \(example + 1) of \(count) \(problem)", remedy: remedy)
        }
        if case .labels(let labels) = target, let classes {
            for (example, label) in labels.enumerated() where !(0..<classes).contains(label) {
                throw refuse(
                    example, "has label \(label), expected 0 to \(classes - 1)",
                    "give every example a label, or measure against the model's own outputs")
            }
        }
        for (example, tokens) in sequences.enumerated() {
            guard (least...max(least, longest)).contains(tokens.count) else {
                throw refuse(
                    example, "has \(tokens.count) tokens, expected \(least) to \(longest)",
                    "cut texts to the model's max_position_embeddings")
            }
            guard tokens.allSatisfy({ (0..<vocabulary).contains(Int($0)) }) else {
                throw refuse(
                    example, "has a token outside the vocabulary of \(vocabulary)",
                    "use the tokenizer that belongs to the model")
            }
        }
    }
}
