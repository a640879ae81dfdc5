public import Distillation
import Files
public import Foundation
import Models
public import Tokenizers

/// A published model, encoder or decoder, ready to be recorded.
public struct LoadedTeacher {
    public let teacher: any RecordableTeacher
    public let tokenizer: any Tokenizer
    /// Of its files.
    public let digest: String
    /// The longest input in tokens.
    public let longest: Int
    /// Whether long texts are cut into windows, as a language model reads them, or cut off.
    public let readsWindows: Bool

    /// Reads a model directory, a run's finished model, or a GGUF file.
    ///
    /// - Throws: `InputError` or `InputErrors` saying what is missing or wrong.
    public init(_ place: URL) throws {
        let url = DecoderDirectory.place(of: place)
        if DecoderDirectory.isDecoder(url) {
            let (decoder, tokenizer) = try DecoderDirectory.readTeacher(url)
            try DecoderDirectory.check(tokenizer, fits: decoder.configuration, in: url)
            teacher = DecoderTeacher(decoder)
            self.tokenizer = tokenizer
            longest = decoder.configuration.maximumPositions
            readsWindows = true
            digest = try Self.digest(of: url)
            return
        }
        let folder = LoadedModel.modelFolder(of: url)
        let encoder = try ModelDirectory.readRunnable(folder)
        tokenizer = try TokenizerFiles.load(from: folder)
        try ModelDirectory.check(tokenizer, fits: encoder.configuration, in: folder)
        teacher = EncoderTeacher(encoder)
        longest = encoder.configuration.longestText
        readsWindows = false
        digest = try Self.digest(of: folder)
    }

    /// The digest of a model's files, or of its one file.
    public static func digest(of url: URL) throws -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue else {
            return try Digest.sha256(fileAt: url)
        }
        let kinds = ["json", "txt", "safetensors", "bin", "gguf"]
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
            .map { url.appendingPathComponent($0) }.filter { kinds.contains($0.pathExtension) }
        return Digest.sha256(
            try files.map { "\($0.lastPathComponent) \(try Digest.sha256(fileAt: $0))" }.joined(separator: "\n"))
    }

    /// Texts as token rows of at most `maxLength` ids, none empty: cut off, or cut into windows.
    public func rows(of texts: [String], maxLength: Int) -> [[Int32]] {
        guard readsWindows else { return tokenizer.encode(texts, maxLength: maxLength) }
        return tokenizer.encode(texts, maxLength: .max).flatMap { row in
            stride(from: 0, to: row.count, by: maxLength).map { Array(row[$0..<min($0 + maxLength, row.count)]) }
        }
    }
}
