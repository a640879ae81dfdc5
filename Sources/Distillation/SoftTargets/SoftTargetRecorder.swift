import Files
public import Formats
public import Foundation
import Models
import Tensors

/// Runs a teacher over token rows and records what it says: see `SoftTargetFile` for the layout.
///
/// A recording is a directory of parts. Each appears whole or not at all; one that is there already is not made again, so that a
/// recording that was ended in any way goes on where it stopped, to the same bytes.
public struct SoftTargetRecorder {
    private let teacher: any RecordableTeacher
    private let plan: TargetPlan
    private let digests: [String: String]
    private let notes: [String: HDF5Attribute]

    /// - Parameters:
    ///   - digests: of what decides the targets; see `SoftTargetDescription.digests`. Parts with other digests are refused.
    ///   - notes: what is worth knowing and decides nothing.
    public init(
        teacher: any RecordableTeacher, plan: TargetPlan, digests: [String: String] = [:],
        notes: [String: HDF5Attribute] = [:]
    ) {
        precondition(
            plan.hiddenLayers.allSatisfy { (0...teacher.layers).contains($0) }
                && plan.attentionLayers.allSatisfy { (1...teacher.layers).contains($0) },
            "no teacher layers \(plan.hiddenLayers), \(plan.attentionLayers)")
        precondition(
            plan.attentionLayers.isEmpty || !teacher.heads.isEmpty, "the teacher's attention cannot be recorded")
        self.teacher = teacher
        self.plan = plan
        self.digests = digests
        self.notes = notes
    }

    /// What happens to files of another recording in the directory.
    public enum Others: Sendable { case refuse, replace }

    /// What came of a recording.
    public struct Summary: Equatable, Sendable {
        /// Distinct rows of this share, and how many of them were there already.
        public var rows = 0
        public var rowsFound = 0
        public var positions = 0
        /// Of the files.
        public var bytes = 0
        /// The teacher's probability outside of the kept outcomes at T = 1, the mean over all predictions; nil where all are kept.
        public var meanTail: Double?
        public var files: [URL] = []
    }

    /// Records every distinct row once.
    ///
    /// - Parameters:
    ///   - directory: made if it is missing.
    ///   - progress: hears how many of how many rows of this share are done, and how many of them were found done; what it throws
    ///     ends the recording between two batches.
    /// - Throws: `InputError` where the directory holds another recording, or the teacher's answers are not finite.
    public func record(
        _ rows: any TokenRows, to directory: URL, shard: TargetShard = .whole, others: Others = .refuse,
        progress: (_ done: Int, _ total: Int, _ kept: Int) throws -> Void
    ) throws -> Summary {
        let parts = try TargetParts(rows, positions: TargetParts.positions(weights: teacher.weights))
        for url in strangers(in: directory, parts: parts.ranges.count) {
            guard others == .replace else { throw stranger(url, parts: parts.ranges.count) }
            try FileManager.default.removeItem(at: url)
        }
        let share = parts.ranges.indices.filter(shard.holds)
        var summary = Summary()
        summary.rows = share.reduce(0) { $0 + parts.ranges[$1].count }
        var tails: (sum: Double, count: Int) = (0, 0)
        var done = 0
        try AtomicFile.requireRoom(for: share.reduce(0) { $0 + size(of: parts.lengths(ofPart: $1)) }, at: directory)
        for part in share {
            let rows = try parts.rows(ofPart: part)
            let url = directory.appendingPathComponent(
                SoftTargetFile.name(ofPart: part, of: parts.ranges.count))
            let expected = description(part: part, of: parts.ranges.count)
            var meanTail: Double?
            if try isRecorded(url, expected, rows, others) {
                if case .number(let mean) = try HDF5File(reading: url).attribute(Self.meanTail) { meanTail = mean }
                summary.rowsFound += rows.count
                try progress(done + rows.count, summary.rows, done + rows.count)
            } else {
                try HDF5File.create(at: url) { file in
                    meanTail = try write(rows, expected, to: file) {
                        try progress(done + $0, summary.rows, done)
                    }
                }
            }
            done += rows.count
            let positions = rows.reduce(0) { $0 + $1.count }
            summary.positions += positions
            summary.bytes += FileSize.bytes(at: url.path) ?? 0
            if let meanTail, let predictions {
                let count = predictions.scope == .row ? rows.count : positions
                tails = (tails.sum + meanTail * Double(count), tails.count + count)
                summary.meanTail = tails.sum / Double(tails.count)
            }
            summary.files.append(url)
        }
        return summary
    }

    /// The attribute with the mean tail of a part's predictions.
    private static let meanTail = "mean_tail"

    private var predictions: SoftTargetDescription.Predictions? {
        guard plan.kept != 0, let (scope, outcomes) = teacher.predictions else { return nil }
        return .init(scope: scope, outcomes: outcomes, kept: min(plan.kept ?? outcomes, outcomes))
    }

    private func description(part: Int, of parts: Int) -> SoftTargetDescription {
        var description = SoftTargetDescription(predictions: predictions)
        if let predictions, !predictions.areComplete {
            description.temperatures = Array(Set(plan.temperatures).subtracting([1])).sorted()
        }
        description.hiddenLayers = plan.hiddenLayers
        description.attentionLayers = plan.attentionLayers
        description.attentionHeads = plan.attentionLayers.map { teacher.heads[$0 - 1] }
        description.digests = digests
        (description.part, description.parts) = (part, parts)
        return description
    }

    /// Parts of a recording with other parts; what others put into the directory is left alone.
    private func strangers(in directory: URL, parts: Int) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        let expected = Set((0..<parts).map { SoftTargetFile.name(ofPart: $0, of: parts) })
        return names.sorted().filter { $0.hasPrefix("part-") && !expected.contains($0) }
            .map { directory.appendingPathComponent($0) }
    }

    private func stranger(_ url: URL, parts: Int) -> InputError {
        InputError(
            file: url.path, problem: "is not of this recording, which has \(parts) parts",
            remedy: "the data, the tokenizer or the longest input changed: remove the directory or name another one")
    }

    /// Whether a part is there and is what this recording would write.
    private func isRecorded(
        _ url: URL, _ expected: SoftTargetDescription, _ rows: [[Int32]], _ others: Others
    ) throws -> Bool {
        guard FileManager.default.fileExists(atPath: url.path) else { return false }
        do {
            var (memory, tokenRoom) = (0, 0)
            let part = try SoftTargetPart(reading: url, memory: &memory, tokenRoom: &tokenRoom)
            if part.description == expected, try part.holds(rows) { return true }
            throw InputError(
                file: url.path,
                problem: "was recorded otherwise (\(part.description.differences(from: expected) ?? "other rows"))",
                remedy: "remove the directory to record anew, or name another one")
        } catch let error as InputError {
            guard others == .replace else { throw error }
            return false
        }
    }

    private func size(of lengths: [Int]) -> Int {
        let positions = lengths.reduce(0, +)
        let states = plan.columns.reduce(0) {
            $0 + teacher.width(of: $1) * plan.states.size * ($1.scope == .row ? lengths.count : positions)
        }
        let count = predictions.map { $0.scope == .row ? lengths.count : positions } ?? 0
        let each = (predictions?.kept ?? 0) * (plan.probabilities.size + 4) + 8 * plan.temperatures.count
        return positions * 4 + lengths.count * 16 + states + count * each + (64 << 10)
    }

    /// Writes a part.
    ///
    /// - Returns: the mean tail of its predictions, where outcomes are left out.
    private func write(
        _ rows: [[Int32]], _ description: SoftTargetDescription, to file: HDF5Writer, progress: (Int) throws -> Void
    ) throws -> Double? {
        let writer = try SoftTargetWriter(
            file, description, rows: rows, columns: plan.columns.map { ($0, teacher.width(of: $0)) }, plan: plan,
            notes: notes)
        var tails: (sum: Double, count: Int) = (0, 0)
        for range in batches(of: rows) {
            let batch = PackedBatch(Array(rows[range]), samples: Array(range))
            let states: [Tensor]
            if let predictions {
                let predicted = predict(predictions, description.temperatures, batch)
                try check(predicted.block)
                try writer.append(
                    ids: predictions.areComplete ? nil : predicted.block.ids,
                    logProbabilities: predicted.block.logProbabilities,
                    logNormalizers: predicted.block.logNormalizers)
                tails = (tails.sum + predicted.block.tails.reduce(0, +), tails.count + predicted.block.rows)
                states = predicted.states
            } else {
                states = teacher.run(batch, columns: plan.columns, predict: nil)
            }
            try append(states, to: writer)
            try progress(range.upperBound)
        }
        guard predictions?.areComplete == false else { return nil }
        let mean = tails.sum / Double(tails.count)
        try file.setAttribute(Self.meanTail, to: .number(mean))
        return mean
    }

    /// The predictions of a batch, and the states beside them.
    private func predict(
        _ predictions: SoftTargetDescription.Predictions, _ temperatures: [Double], _ batch: PackedBatch
    ) -> (block: PredictionBlock, states: [Tensor]) {
        var states: [Tensor] = []
        let block = PredictionBlock(
            rows: predictions.scope == .row ? batch.offsets.count : batch.tokens.count, kept: predictions.kept,
            temperatures: temperatures
        ) { predict in
            withoutActuallyEscaping(predict) { states = teacher.run(batch, columns: plan.columns, predict: $0) }
        }
        return (block, states)
    }

    private func append(_ states: [Tensor], to writer: SoftTargetWriter) throws {
        for (column, states) in zip(plan.columns, states) where !states.isFinite {
            throw InputError(
                field: column.path, problem: "the teacher's states reach infinity or NaN",
                remedy: "look for a damaged teacher")
        }
        try writer.append(states)
    }

    private func check(_ block: PredictionBlock) throws {
        guard block.logProbabilities.contains(where: \.isNaN) || block.logNormalizers.contains(where: { !$0.isFinite })
        else { return }
        throw InputError(
            field: SoftTargetFile.logProbabilities, problem: "the teacher's predictions reach infinity or NaN",
            remedy: "look for a damaged teacher")
    }

    /// Batches of about as many positions as 256 MB of activations hold. The memory that happens to be free decides nothing:
    /// another batch would give other last digits.
    private func batches(of rows: [[Int32]]) -> [Range<Int>] {
        TargetParts.runs(
            of: rows.map(\.count),
            positions: max(
                512,
                min(
                    TargetParts.positions(weights: teacher.weights) / 2,
                    (256 << 20) / (4 * teacher.floatsPerPosition))))
    }
}
