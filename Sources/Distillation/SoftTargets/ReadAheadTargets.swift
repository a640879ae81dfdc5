import Dispatch
public import Models
import Synchronization
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
        case likeliest(Double)
        case pooled
    }

    private enum Answer {
        case tensor(Tensor)
        case sparse(SparseTargets)
    }

    /// A batch whose answers are being read, or are there. They are written before the group is left, and read after that.
    private final class Batch: @unchecked Sendable {
        let sequences: [[Int32]]
        let reading = DispatchGroup()
        var answers: [Question: Answer] = [:]

        init(_ sequences: [[Int32]]) {
            self.sequences = sequences
            reading.enter()
        }
    }

    private struct State {
        var asked: Set<Question> = []
        /// The batch that is asked about now, and the one after it.
        var batches: [Batch] = []
        var counts = (ahead: 0, late: 0)
    }

    private let targets: any TeacherTargets
    /// The targets are touched on this queue alone.
    private let queue = DispatchQueue(label: "retort.targets", qos: .userInitiated)
    private let state = Mutex(State())

    public init(_ targets: any TeacherTargets) {
        self.targets = targets
    }

    /// How often an answer was there, or under way, when it was asked for.
    public var answeredAhead: Int { state.withLock { $0.counts.ahead } }
    /// How often it was not.
    public var answeredLate: Int { state.withLock { $0.counts.late } }

    public func prepare(_ sequences: [[Int32]]) {
        let batch = Batch(sequences)
        state.withLock { $0.batches = $0.batches.suffix(1) + [batch] }
        queue.async { [self] in
            // What cannot be read is asked for again by the step that needs it, which then reports it.
            for question in state.withLock({ $0.asked }) {
                batch.answers[question] = try? answer(question, sequences)
            }
            batch.reading.leave()
        }
    }

    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        try tensor(.logProbabilities, sequences)
    }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try tensor(.hiddenStates(layer), sequences)
    }

    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try tensor(.attentionStates(part, layer), sequences)
    }

    public func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
        guard case .sparse(let targets) = try ask(.likeliest(temperature), sequences) else {
            preconditionFailure("likeliest outcomes were answered with states")
        }
        return targets
    }

    public func pooled(for sequences: [[Int32]]) throws -> Tensor {
        try tensor(.pooled, sequences)
    }

    public func pooledWidth() throws -> Int {
        try queue.sync { try targets.pooledWidth() }
    }

    private func tensor(_ question: Question, _ sequences: [[Int32]]) throws -> Tensor {
        guard case .tensor(let tensor) = try ask(question, sequences) else {
            preconditionFailure("\(question) was answered with likeliest outcomes")
        }
        return tensor
    }

    public func heads(layer: Int) throws -> Int {
        try queue.sync { try targets.heads(layer: layer) }
    }

    public func width(layer: Int) throws -> Int {
        try queue.sync { try targets.width(layer: layer) }
    }

    /// Waits for this batch if it is under way, not for the next one; reads what was not foreseen.
    private func ask(_ question: Question, _ sequences: [[Int32]]) throws -> Answer {
        let batch = state.withLock { state in
            state.asked.insert(question)
            return state.batches.first { $0.sequences == sequences }
        }
        batch?.reading.wait()
        let found = batch?.answers[question]
        state.withLock { state in
            if found == nil { state.counts.late += 1 } else { state.counts.ahead += 1 }
        }
        return try found ?? queue.sync { try answer(question, sequences) }
    }

    private func answer(_ question: Question, _ sequences: [[Int32]]) throws -> Answer {
        switch question {
        case .logProbabilities: .tensor(try targets.logProbabilities(for: sequences))
        case .hiddenStates(let layer): .tensor(try targets.hiddenStates(layer: layer, for: sequences))
        case .attentionStates(let part, let layer):
            .tensor(try targets.attentionStates(part, layer: layer, for: sequences))
        case .pooled: .tensor(try targets.pooled(for: sequences))
        case .likeliest(let temperature): .sparse(try targets.likeliest(for: sequences, temperature: temperature))
        }
    }
}
