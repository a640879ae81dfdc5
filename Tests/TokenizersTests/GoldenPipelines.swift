import Foundation
import Tokenizers

/// What `Tests/Golden/pipelines.py` recorded from the `tokenizers` package.
struct GoldenPipelines: Decodable {
    /// Digests, by the place of their text.
    struct Kind: Decodable {
        let texts: [String]
        let pairs: [String]
        let decoded: [String]
    }

    /// A block of Unicode scalars and the digest of the offsets around them.
    struct Block: Decodable {
        let start: UInt32
        let digest: String

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            start = try list.decode(UInt32.self)
            digest = try list.decode(String.self)
        }
    }

    struct Split: Decodable {
        let tokenizer: String
        let blocks: [Block]
    }

    let block: UInt32
    let texts: [String]
    let kinds: [String: Kind]
    let splits: [String: Split]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden")

    static let recorded: GoldenPipelines = {
        let file = folder.appending(path: "pipelines.json")
        do {
            return try JSONDecoder().decode(GoldenPipelines.self, from: try Data(contentsOf: file))
        } catch {
            fatalError("\(file.path): \(error)")
        }
    }()

    static var names: [String] { recorded.kinds.keys.sorted() }

    static func file(of kind: String) -> URL { folder.appending(path: "pipelines/\(kind).json") }
}

/// Offsets as the JSON that the digests are made of.
func json(_ offsets: [Range<Int>]) -> String {
    "[" + offsets.map { "[\($0.lowerBound),\($0.upperBound)]" }.joined(separator: ",") + "]"
}

/// Numbers as JSON.
func json(_ numbers: [Int32]) -> String { "[" + numbers.map(String.init).joined(separator: ",") + "]" }
