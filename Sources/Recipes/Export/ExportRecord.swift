import Distillation
import Files
import Foundation
import Models
import Tokenizers

/// `verification.json` of an export: the digests of its files, and what its model gives for a sample of texts, so that
/// every file can be run against it at any time, without the model.
///
/// The sample is a fixed one; texts of the training are not handed over.
struct ExportRecord: Codable {
    static let file = "verification.json"

    var schema = 1
    var program = "retort \(Version.current)"
    var kind: String
    var isClassifier: Bool
    /// Path of each file's format.
    var formats: [String]
    /// SHA-256 of each file, by its path.
    var files: [String: String] = [:]
    /// Numbers per text that are kept.
    var width: Int
    /// Of a decoder: the likeliest tokens of each text, whose logits are kept; else nil.
    var places: [[Int]]?
    var sequences: [[Int32]]
    /// Row after row.
    var expected: [Float]

    /// Of a decoder's vocabulary the likeliest tokens are enough.
    private static let kept = 64

    init(
        kind: ExportFormat.Kind, formats: [ExportFormat], isClassifier: Bool, width: Int, sequences: [[Int32]],
        expected: [Float], isDecoder: Bool
    ) {
        self.kind = kind.rawValue
        self.isClassifier = isClassifier
        self.formats = formats.map(\.rawValue)
        self.sequences = sequences
        guard isDecoder, width > Self.kept else {
            (self.width, self.expected) = (width, expected)
            return
        }
        let places = sequences.indices.map { row in
            let logits = expected[row * width..<(row + 1) * width]
            return logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(Self.kept).map {
                $0 - row * width
            }
        }
        self.width = Self.kept
        self.places = places
        self.expected = places.enumerated().flatMap { row, own in own.map { expected[row * width + $0] } }
    }

    /// Writes the record beside the files of `directory`, whose digests it takes.
    func write(to directory: URL) throws {
        var record = self
        record.files = try Self.digests(of: directory)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try AtomicFile.write(encoder.encode(record), to: directory.appendingPathComponent(Self.file))
    }

    /// - Throws: `InputError` if there is none, or it is damaged.
    init(reading directory: URL) throws {
        let url = directory.appendingPathComponent(Self.file)
        guard let bytes = try? Data(contentsOf: url) else {
            throw InputError(
                file: url.path, problem: "is not there, so the directory is no export that can be verified",
                remedy: "export the model with retort export MODEL --output DIR")
        }
        do {
            self = try JSONDecoder().decode(ExportRecord.self, from: bytes)
        } catch {
            throw InputError(file: url.path, problem: "damaged: \(error)", remedy: "export the model again")
        }
        let perRow = width > 0 ? expected.count / width : 0
        guard schema == 1, width > 0, perRow == sequences.count, expected.count == perRow * width,
            sequences.allSatisfy({ (1...(1 << 16)).contains($0.count) }),
            places.map({ $0.count == perRow && $0.allSatisfy { $0.count == width } }) ?? true
        else {
            throw InputError(
                file: url.path, problem: "its numbers do not fit together, or another version wrote it",
                remedy: "export the model again")
        }
    }

    /// Refuses a record that names no file to run, or texts that the model cannot read.
    func check(_ kind: ExportFormat.Kind, in directory: URL) throws {
        func damaged(_ field: String, _ problem: String) -> InputError {
            InputError(
                file: directory.appendingPathComponent(Self.file).path, field: field, problem: problem,
                remedy: "export the model again")
        }
        guard !formats.isEmpty else { throw damaged("formats", "names none, so that nothing would be proved") }
        guard !sequences.isEmpty else { throw damaged("sequences", "has no text to run the files on") }
        let (vocabulary, longest): (Int, Int)
        if kind == .decoder {
            let configuration = try DecoderDirectory.readConfiguration(directory)
            (vocabulary, longest) = (configuration.vocabularySize, configuration.maximumPositions)
        } else {
            let url = directory.appendingPathComponent(ModelDirectory.configurationFile)
            let configuration = try EncoderConfiguration(reading: url)
            (vocabulary, longest) = (configuration.vocabularySize, configuration.longestText)
        }
        for (row, tokens) in sequences.enumerated() {
            if let id = tokens.first(where: { !(0..<vocabulary).contains(Int($0)) }) {
                throw damaged("sequences[\(row)]", "the token \(id) is outside of the vocabulary of \(vocabulary)")
            }
            guard tokens.count <= longest else {
                throw damaged("sequences[\(row)]", "\(tokens.count) tokens, the model reads \(longest)")
            }
        }
    }

    /// Of what a file gives, the numbers that are kept.
    ///
    /// - Throws: `ExportMismatch` if it gives too few.
    func kept(_ outputs: [Float], file: String) throws -> [Float] {
        let rows = sequences.count
        guard rows > 0, outputs.count.isMultiple(of: rows) else {
            throw ExportMismatch(file: file, problem: "it gives \(outputs.count) numbers for \(rows) texts")
        }
        let own = outputs.count / rows
        guard let places else {
            guard own == width else {
                throw ExportMismatch(file: file, problem: "it gives \(own) numbers per text, expected \(width)")
            }
            return outputs
        }
        return try places.enumerated().flatMap { row, places in
            try places.map { place in
                guard (0..<own).contains(place) else {
                    throw ExportMismatch(file: file, problem: "it has \(own) tokens, expected more than \(place)")
                }
                return outputs[row * own + place]
            }
        }
    }

    /// SHA-256 of every file of a directory, by its path.
    static func digests(of directory: URL) throws -> [String: String] {
        var digests: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory.path) where path != file {
            let url = directory.appendingPathComponent(path)
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), !isDirectory.boolValue
            else { continue }
            digests[path] = try Digest.sha256(fileAt: url)
        }
        return digests
    }
}
