import Files
import Formats
public import Tokenizers

extension SoftTargets {
    /// Positions of all rows.
    public var positions: Int { parts.reduce(0) { $0 + $1.tokens.count } }

    /// The datasets of states, and their widths.
    public var recordedStates: [(path: String, width: Int)] {
        columns.map { ($0.path, parts[0].column($0)!.width) }
    }

    /// The probability that no class got, of every row; nil where it is not recorded.
    public func unmappedMasses() throws -> [Float]? {
        var masses: [Float] = []
        for part in parts {
            guard let own = try part.unmapped() else { return nil }
            masses += own
        }
        return masses
    }

    /// Reads everything once: every prediction must be one, every state a number.
    ///
    /// - Parameter progress: hears how many of how many rows are read; what it throws ends the reading.
    public func validate(progress: (Int, Int) throws -> Void = { _, _ in }) throws {
        let total = parts.reduce(0) { $0 + $1.rows }
        var done = 0
        for part in parts {
            for start in stride(from: 0, to: part.rows, by: 256) {
                let rows = Array(start..<min(start + 256, part.rows))
                if part.description.predictions != nil { _ = try part.predictions(rows: rows) }
                for column in columns {
                    guard let bad = try part.values(column, rows: rows).firstIndex(where: { !$0.isFinite }) else {
                        continue
                    }
                    throw InputError(
                        file: part.name, field: column.path,
                        problem: "infinity or NaN in rows \(start) to \(rows[rows.count - 1]) (number \(bad) of them)",
                        remedy: "record the targets again; the teacher or the file is damaged")
                }
                done += rows.count
                try progress(done, total)
            }
        }
    }

    /// Refuses targets that do not belong to a tokenizer, as far as they say which they were recorded with.
    public func requireTokenizer(_ digest: String) throws {
        guard let recorded = description.digests[SoftTargetDescription.tokenizer], recorded != digest else { return }
        throw InputError(
            file: name, field: SoftTargetDescription.tokenizer,
            problem:
                "the targets were recorded with another tokenizer (\(recorded.prefix(12))…, here \(digest.prefix(12))…)",
            remedy: "give the student the tokenizer of the recording, or record the targets again")
    }

    /// Refuses rows whose hash is not theirs: a reader would not find them.
    public func requireHashes() throws {
        for part in parts {
            for (row, hash) in part.hashes.enumerated() where TokenRow.hash(try part.tokens[row]) != hash {
                throw InputError(
                    file: part.name, field: SoftTargetFile.hashes,
                    problem: "row \(row): the hash is not that of its tokens",
                    remedy: "leave rows/hash out: it is then computed")
            }
        }
    }

    /// Refuses tokens and predictions that are not of a tokenizer: its digest, ids beyond its vocabulary, or fewer outcomes per
    /// position than it has ids. (Models may have more outcomes than their tokenizer has ids.)
    public func requireFit(_ tokenizer: any Tokenizer) throws {
        try requireTokenizer(tokenizer.digest)
        let size = tokenizer.vocabularySize
        for part in parts {
            for row in 0..<part.rows {
                guard let bad = try part.tokens[row].firstIndex(where: { $0 < 0 || $0 >= size }) else { continue }
                throw InputError(
                    file: part.name, field: SoftTargetFile.tokens,
                    problem:
                        "position \(part.tokens.positions(row).lowerBound + bad): the id \(try part.tokens[row][bad]) is outside "
                        + "of the vocabulary, 0 to \(size - 1)",
                    remedy: "give the tokenizer of the recording, or record the targets again")
            }
        }
        if let predictions = description.predictions, predictions.scope == .position, predictions.outcomes < size {
            throw InputError(
                file: parts[0].name, field: "outcomes",
                problem: "\(predictions.outcomes) outcomes, and the tokenizer has \(size) ids",
                remedy: "give the tokenizer of the recording, or record the targets again")
        }
    }
}
