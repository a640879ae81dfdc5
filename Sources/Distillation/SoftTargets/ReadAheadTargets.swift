import Dispatch
public import Models
public import Tensors

/// Reads the next batch's targets while the current step runs.
///
/// What is read ahead is what was asked before: a training asks the same of each batch.
public final class ReadAheadTargets: TeacherTargets, @unchecked Sendable {
    /// One thing that is asked of the targets of some rows.
    private enum Question: Hashable {
        case logProbabilities
        case hiddenStates(Int)
        case attentionStates(AttentionPart, Int)
    }

    private let targets: any TeacherTargets
    /// Everything below, and the targets themselves, are touched on this queue alone.
    private let queue = DispatchQueue(label: "retort.targets", qos: .userInitiated)
    private var asked: Set<Question> = []
    private var ahead: (sequences: [[Int32]], answers: [Question: Tensor])?
    /// How often an answer was there before it was asked for, and how often it had to be read then.
    private var counts = (ahead: 0, late: 0)

    public init(_ targets: any TeacherTargets) {
        self.targets = targets
    }

    /// How often an answer was there, or under way, when it was asked for.
    public var answeredAhead: Int { queue.sync { counts.ahead } }
    /// How often it was not.
    public var answeredLate: Int { queue.sync { counts.late } }

    public func prepare(_ sequences: [[Int32]]) {
        queue.async { [self] in
            var answers: [Question: Tensor] = [:]
            // What cannot be read is asked for again by the step that needs it, which then reports it.
            for question in asked { answers[question] = try? answer(question, sequences) }
            ahead = (sequences, answers)
        }
    }

    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        try ask(.logProbabilities, sequences)
    }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try ask(.hiddenStates(layer), sequences)
    }

    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try ask(.attentionStates(part, layer), sequences)
    }

    public func heads(layer: Int) throws -> Int {
        try queue.sync { try targets.heads(layer: layer) }
    }

    public func width(layer: Int) throws -> Int {
        try queue.sync { try targets.width(layer: layer) }
    }

    /// Waits for what is under way; reads what was not foreseen.
    private func ask(_ question: Question, _ sequences: [[Int32]]) throws -> Tensor {
        try queue.sync {
            asked.insert(question)
            if let ahead, ahead.sequences == sequences, let tensor = ahead.answers[question] {
                counts.ahead += 1
                return tensor
            }
            counts.late += 1
            return try answer(question, sequences)
        }
    }

    private func answer(_ question: Question, _ sequences: [[Int32]]) throws -> Tensor {
        switch question {
        case .logProbabilities: try targets.logProbabilities(for: sequences)
        case .hiddenStates(let layer): try targets.hiddenStates(layer: layer, for: sequences)
        case .attentionStates(let part, let layer): try targets.attentionStates(part, layer: layer, for: sequences)
        }
    }
}
