import Files
public import Foundation

/// A file of API answers, one JSON object per line: mapped, not loaded, so that memory does not grow with its size.
public final class AnswerFile: Sendable {
    /// Where an answer stands.
    public struct Place: Sendable {
        /// From 1.
        public let line: Int
        let bytes: Range<Int>
    }

    public let name: String
    private let content: Data

    /// - Throws: `InputError` if the file cannot be read, or is empty.
    public init(reading url: URL) throws {
        name = url.path
        content = try MappedFile.data(at: url)
        guard !content.isEmpty else {
            throw InputError(file: name, problem: "is empty", remedy: "check that the file was written completely")
        }
    }

    public var byteCount: Int { content.count }

    /// Calls `body` with each line that is not blank and the number of bytes read with it.
    public func forEachAnswer(_ body: (Place, APIAnswer, Int) throws -> Void) rethrows {
        try content.withUnsafeBytes { raw in
            let all = raw.bindMemory(to: UInt8.self)
            var start = all.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            var line = 0
            while start < all.count {
                line += 1
                let end =
                    memchr(all.baseAddress! + start, Int32(UInt8(ascii: "\n")), all.count - start)
                    .map { all.baseAddress!.distance(to: $0.assumingMemoryBound(to: UInt8.self)) } ?? all.count
                let text = UnsafeBufferPointer(rebasing: all[start..<end])
                if !text.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
                    try body(Place(line: line, bytes: start..<end), APIAnswer(line: text), end)
                }
                start = end + 1
            }
        }
    }

    /// Reads an answer again.
    public func answer(at place: Place) -> APIAnswer {
        content.withUnsafeBytes { raw in
            APIAnswer(line: UnsafeBufferPointer(rebasing: raw.bindMemory(to: UInt8.self)[place.bytes]))
        }
    }
}
