import Distillation
import Files
import Foundation
import Testing

@Suite("A file of tokens")
struct TokenFileTests {
    private func file(_ count: Int, window: Int, _ body: (TokenFile, [Int32]) throws -> Void) throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("tokens.bin")
            let tokens = (0..<count).map { Int32($0 * 7 % 50_000) }
            let written = try TokenFileWriter.write(to: url) { file in
                for start in stride(from: 0, to: count, by: 3) {
                    try file.append(Array(tokens[start..<min(start + 3, count)]))
                }
            }
            #expect(written == count)
            try body(TokenFile(reading: url, window: window), tokens)
        }
    }

    @Test(
        "is cut into windows, all of it but a last single token",
        arguments: [(20, 5), (21, 5), (22, 5), (3, 512), (1, 4), (0, 4)])
    func windows(count: Int, window: Int) throws {
        try file(count, window: window) { file, tokens in
            let rows = try file.tokens(0..<file.count)
            let left = count % window == 1 ? 1 : 0
            #expect(rows.flatMap { $0 } == Array(tokens.dropLast(left)))
            #expect(rows.dropLast().allSatisfy { $0.count == window } && rows.allSatisfy { $0.count > 1 })
            #expect(rows.map(\.count) == (0..<file.count).map(file.length))
            #expect(file.tokenCount == count)
        }
    }

    @Test("is refused when it is cut inside of a token, and when it shrinks while it is read")
    func damaged() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("tokens.bin")
            try Data([1, 0, 0]).write(to: url)
            let error = #expect(throws: InputError.self) { try TokenFile(reading: url, window: 4) }
            #expect(error?.problem.contains("3 bytes") == true)
            try Data(count: 64).write(to: url)
            let file = try TokenFile(reading: url, window: 4)
            truncate(url.path, 40)
            #expect(try file.tokens(1) == [0, 0, 0, 0])
            #expect(throws: InputError.self) { try file.tokens(3) }
            #expect(throws: InputError.self) {
                try TokenFile(reading: directory.appendingPathComponent("none"), window: 4)
            }
        }
    }

    @Test("is there whole or not at all")
    func atomic() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("tokens.bin")
            struct Stop: Error {}
            #expect(throws: Stop.self) {
                try TokenFileWriter.write(to: url) { file in
                    try file.append([1, 2, 3])
                    throw Stop()
                }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            #expect(left.isEmpty)
        }
    }
}
