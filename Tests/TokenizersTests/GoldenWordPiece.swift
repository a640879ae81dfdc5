import Foundation

/// What `Tests/Golden/wordpiece.py` recorded from the `tokenizers` package.
struct GoldenWordPiece: Decodable {
    struct Block: Decodable {
        let start: UInt32
        let digest: String
    }

    struct Case: Decodable, CustomStringConvertible {
        let lowercase: Bool
        let stripAccents: Bool?
        let whole: [[Int32]]
        let truncated: [[Int32]]
        /// SHA-256 of the offsets of all texts, as JSON without blanks.
        let offsets: String
        /// The offsets of the first texts: start, end, start, end, …
        let shownOffsets: [[Int]]
        let blocks: [Block]

        var description: String { "lowercase \(lowercase), strip accents \(stripAccents.map(String.init) ?? "null")" }
    }

    let vocabulary: [String]
    let texts: [String]
    let truncation: Int
    let blockSize: UInt32
    let trainedSize: Int
    let trainedPieces: Set<String>
    let cases: [Case]

    static let recorded: GoldenWordPiece = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden/wordpiece.json")
        do {
            return try JSONDecoder().decode(GoldenWordPiece.self, from: try Data(contentsOf: file))
        } catch {
            fatalError("\(file.path): \(error)")
        }
    }()
}

/// Calls `body` with a new directory that is removed afterwards.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "retort-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory)
}
