import Formats
import Foundation

/// Where a decoder lies: a directory, or a GGUF file, whose header is read once for all that is asked of it.
enum StoredDecoder {
    case directory(URL)
    case gguf(GGUFFile)

    /// - Throws: `InputError` for a damaged GGUF file.
    init(_ url: URL) throws {
        self = FileKind(at: url) == .gguf ? .gguf(try GGUFFile(reading: url)) : .directory(url)
    }
}
