import Files
import Formats
public import Foundation
public import Models
public import Tensors

/// Recorded targets, read from a soft-target file or a directory of its parts. Rows are found by their tokens, whatever the
/// order or the batch.
public final class SoftTargets: TeacherTargets {
    /// What all parts say of themselves.
    public let description: SoftTargetDescription
    /// The file or directory, as it was opened.
    public let name: String
    let parts: [SoftTargetPart]
    let place: [UInt64: Place]
    /// Bytes of states that may still be kept in memory.
    private var memory: Int
    private var asked: Set<TargetColumn> = []

    struct Place {
        let part: Int
        let row: Int
    }

    /// Opens a recording and checks it against itself and what is expected of it.
    ///
    /// - Parameters:
    ///   - outcomes: the classes, or the ids of the vocabulary, that predictions must be over; nil takes any.
    ///   - memory: columns of states are read once, when first asked for, and kept while all of them together take at most this
    ///     many bytes; the others are read row by row.
    ///   - tokenMemory: bytes of tokens that are kept; rows beyond that are read when they are compared.
    /// - Throws: `InputError` naming the file and the dataset.
    public convenience init(
        reading url: URL, outcomes: Int? = nil, memory: Int = 1 << 29, tokenMemory: Int = 1 << 26
    ) throws {
        try self.init(
            files: Self.files(of: url), named: url.path, outcomes: outcomes, memory: memory, tokenMemory: tokenMemory)
    }

    init(
        files: [URL], named name: String, outcomes: Int? = nil, memory: Int = 1 << 29, tokenMemory: Int = 1 << 26
    ) throws {
        self.name = name
        self.memory = memory
        var (rows, tokenRoom) = (0, tokenMemory)
        parts = try files.map { try SoftTargetPart(reading: $0, memory: &rows, tokenRoom: &tokenRoom) }.sorted {
            $0.description.part < $1.description.part
        }
        description = parts[0].description
        try Self.checkParts(parts, name)
        if let outcomes, let predictions = description.predictions, predictions.outcomes != outcomes {
            throw InputError(
                file: parts[0].name, field: SoftTargetFile.logProbabilities,
                problem: "the predictions are over \(predictions.outcomes) outcomes, expected \(outcomes)",
                remedy: "these targets are for other classes, or for another vocabulary")
        }
        var place: [UInt64: Place] = [:]
        place.reserveCapacity(parts.reduce(0) { $0 + $1.rows })
        for (part, file) in parts.enumerated() {
            for (row, hash) in file.hashes.enumerated() where place[hash] == nil {
                place[hash] = Place(part: part, row: row)
            }
        }
        self.place = place
    }

    /// The file, or the parts of a directory in their order.
    public static func files(of url: URL) throws -> [URL] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw InputError(
                file: url.path, problem: "there is no such file or directory",
                remedy: "record targets with retort label")
        }
        guard isDirectory.boolValue else { return [url] }
        let names = try FileManager.default.contentsOfDirectory(atPath: url.path).filter {
            !$0.hasPrefix(".") && $0.hasSuffix("." + SoftTargetFile.fileExtension)
        }.sorted()
        guard !names.isEmpty else {
            throw InputError(
                file: url.path, problem: "holds no soft-target files", remedy: "record targets with retort label")
        }
        return names.map { url.appendingPathComponent($0) }
    }

    /// Parts must be of one recording, and all of it.
    private static func checkParts(_ parts: [SoftTargetPart], _ name: String) throws {
        func comparable(_ part: SoftTargetPart) -> SoftTargetDescription {
            var description = part.description
            (description.part, description.parts) = (0, 1)
            return description
        }
        let first = comparable(parts[0])
        if let other = parts.first(where: { comparable($0) != first }) {
            throw InputError(
                file: other.name, problem: "is of another recording than \(parts[0].name)",
                remedy: "give files of one recording; retort label mix makes one of several teachers' recordings")
        }
        let expected = parts[0].description.parts
        guard expected > 1 || parts.count > 1 else { return }
        if let twice = zip(parts, parts.dropFirst()).first(where: { $0.description.part == $1.description.part }) {
            throw InputError(
                file: twice.1.name, problem: "is the same part as \(twice.0.name)", remedy: "give each part once")
        }
        let missing = Set(0..<expected).subtracting(parts.map(\.description.part)).sorted()
        guard missing.isEmpty else {
            throw InputError(
                file: name,
                problem: "\(missing.count) of \(expected) parts are missing, the first is "
                    + SoftTargetFile.name(ofPart: missing[0], of: expected),
                remedy: "run the same retort label command again: it goes on from the parts that are there")
        }
    }

    /// What the names of recordings end in.
    public static let fileExtension = SoftTargetFile.fileExtension

    /// Distinct rows.
    public var rows: Int { place.count }

    public func width(layer: Int) throws -> Int {
        try stored(.hidden(layer))[0].width
    }

    /// The complete predictions of rows: [B, classes].
    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        let predictions = try predictions(for: sequences, scope: .row)
        guard predictions.ids == nil else {
            throw InputError(
                file: name, field: SoftTargetFile.logProbabilities,
                problem: "\(predictions.kept) of \(predictions.outcomes) classes are recorded, all are needed here",
                remedy: "record all classes")
        }
        return Tensor(predictions.logProbabilities, shape: [predictions.count, predictions.outcomes])
    }

    /// The likeliest outcomes of rows ([B]) or of all their positions ([N]), exact at one temperature.
    ///
    /// - Throws: `InputError` if there are no such predictions, or the temperature was not recorded.
    public func likeliest(
        for sequences: [[Int32]], scope: TargetScope, temperature: Double
    ) throws -> SparseTargets {
        let kept = try predictions(for: sequences, scope: scope)
        guard
            let normalizers = kept.logNormalizers(at: temperature, uniformTail: description.hasUniformTail)
        else {
            throw InputError(
                file: name, field: "temperatures",
                problem: "the targets are not exact at T = \(temperature): recorded are "
                    + ([1] + description.temperatures).map { "\($0)" }.joined(separator: ", "),
                remedy: "record them again with this temperature")
        }
        let all = { (0..<kept.count).flatMap { _ in (0..<Int32(kept.kept)) } }
        return SparseTargets(
            k: kept.kept, ids: kept.ids ?? all(), logProbabilities: kept.logProbabilities,
            logNormalizers: normalizers)
    }

    public func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
        try likeliest(for: sequences, scope: .position, temperature: temperature)
    }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try values(.hidden(layer), for: sequences)
    }

    /// What a layer computes before it attends: [N, H · D].
    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try values(.attention(part, layer: layer), for: sequences)
    }

    /// The teacher's heads in a layer whose attention was recorded.
    public func heads(layer: Int) throws -> Int {
        _ = try stored(.attention(.query, layer: layer))
        guard let index = description.attentionLayers.firstIndex(of: layer),
            index < description.attentionHeads.count
        else {
            throw InputError(
                file: name, field: "attention_heads", problem: "does not say how many heads layer \(layer) has",
                remedy: "record the targets again")
        }
        return description.attentionHeads[index]
    }

    /// One vector per row: [B, C].
    public func pooled(for sequences: [[Int32]]) throws -> Tensor {
        try values(.pooled, for: sequences)
    }

    public func pooledWidth() throws -> Int {
        try stored(.pooled)[0].width
    }

    var columns: [TargetColumn] { parts[0].plan.columns }

    private func stored(_ column: TargetColumn) throws -> [StoredColumn] {
        let stored = parts.compactMap { $0.column(column) }
        guard stored.count == parts.count else {
            throw InputError(
                file: name, field: column.path,
                problem: "not recorded; the file has layers \(description.hiddenLayers), attention of layers "
                    + "\(description.attentionLayers)",
                remedy: "record the targets again with it")
        }
        return stored
    }

    private func values(_ column: TargetColumn, for sequences: [[Int32]]) throws -> Tensor {
        let stored = try stored(column)
        if asked.insert(column).inserted {
            let bytes = stored.reduce(0) { $0 + $1.byteCount }
            if bytes <= memory {
                memory -= bytes
                for part in stored { try part.load() }
            }
        }
        var values: [Float] = []
        for run in try runs(sequences) { values += try parts[run.part].values(column, rows: run.rows) }
        return Tensor(values, shape: [values.count / stored[0].width, stored[0].width])
    }

    func predictions(for sequences: [[Int32]], scope: TargetScope) throws -> KeptPredictions {
        guard let recorded = description.predictions, recorded.scope == scope else {
            throw InputError(
                file: name, field: SoftTargetFile.logProbabilities,
                problem: description.predictions == nil
                    ? "no predictions are recorded" : "the predictions are not for each \(scope.rawValue)",
                remedy: "record targets with a teacher for this task")
        }
        var result: KeptPredictions?
        for run in try runs(sequences) {
            let kept = try parts[run.part].predictions(rows: run.rows)
            if result == nil { result = kept } else { result!.append(kept) }
        }
        return result!
    }

    /// The rows of sequences, neighbours of one part together.
    private func runs(_ sequences: [[Int32]]) throws -> [(part: Int, rows: [Int])] {
        try sequences.reduce(into: []) { runs, sequence in
            let place = try place(of: sequence)
            if let last = runs.indices.last, runs[last].part == place.part {
                runs[last].rows.append(place.row)
            } else {
                runs.append((place.part, [place.row]))
            }
        }
    }

    private func place(of sequence: [Int32]) throws -> Place {
        // The tokens are compared too: equal hashes alone prove nothing.
        guard let place = place[TokenRow.hash(sequence)], try parts[place.part].tokens[place.row] == sequence else {
            throw InputError(
                file: name, field: SoftTargetFile.hashes,
                problem:
                    "no targets for the token row \(sequence.prefix(12).map(String.init).joined(separator: " ")) …",
                remedy: "the data or the tokenizer changed since the targets were recorded; record them again")
        }
        return place
    }

    /// Refuses training rows without targets, before the first step.
    public func requireRows(_ sequences: [[Int32]]) throws {
        for sequence in sequences { _ = try place(of: sequence) }
    }
}
