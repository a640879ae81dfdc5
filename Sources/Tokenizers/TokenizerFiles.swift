import Files
public import Foundation

/// A tokenizer as files.
public enum TokenizerFiles {
    public static let pipelineFile = "tokenizer.json"
    public static let vocabularyFile = "vocab.txt"

    /// Reads `tokenizer.json` from a directory; where there is none, `vocab.txt` with `tokenizer_config.json`. Or one of
    /// the two files itself.
    ///
    /// - Throws: `InputError` when neither is there, when a file is damaged, or when it asks for something that is not
    ///   known; what that is, is named.
    public static func load(from url: URL) throws -> any Tokenizer {
        if url.pathExtension == "json" {
            guard let bytes = try contents(of: url) else {
                throw InputError(file: url.path, problem: "is not there", remedy: "check the path")
            }
            return try load(json: bytes, at: url)
        }
        let isVocabulary = url.lastPathComponent == vocabularyFile
        let tokenizer = url.appendingPathComponent(pipelineFile)
        if !isVocabulary, let bytes = try contents(of: tokenizer) { return try load(json: bytes, at: tokenizer) }
        let vocabulary = isVocabulary ? url : url.appendingPathComponent(vocabularyFile)
        if let bytes = try contents(of: vocabulary) {
            return try WordPieceTokenizer.load(
                lines: bytes, file: vocabulary.path, directory: vocabulary.deletingLastPathComponent())
        }
        throw InputError(
            file: url.path, problem: "holds neither tokenizer.json nor vocab.txt",
            remedy: "name a directory with the tokenizer files of a model")
    }

    private static func load(json bytes: Data, at url: URL) throws -> any Tokenizer {
        let description = try PipelineDescription(try JSONNode(Array(bytes), file: url.path))
        let directory = url.deletingLastPathComponent()
        var companions: [String: Data] = [:]
        for name in SpecialTokenRoles.files {
            companions[name] = try contents(of: directory.appendingPathComponent(name))
        }
        let pipeline = try PipelineTokenizer(
            description, roles: try SpecialTokenRoles(companions, directory: directory), file: url.path,
            companions: companions)
        return try WordPieceTokenizer(pipeline) ?? pipeline
    }

    /// The largest file that is read as one.
    private static let maximumSize = 1 << 28

    /// The bytes of a file, or nil when there is none.
    static func contents(of url: URL) throws -> Data? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            guard FileSize.bytes(at: url.path) ?? 0 <= maximumSize else {
                throw InputError(
                    file: url.path, problem: "is larger than \(maximumSize >> 20) MiB",
                    remedy: "check that this is a tokenizer's file")
            }
            return try Data(contentsOf: url, options: .mappedIfSafe)
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(file: url.path, problem: "cannot be read", remedy: "check its permissions")
        }
    }
}
