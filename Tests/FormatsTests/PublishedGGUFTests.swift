import Files
import Formats
import Foundation
import Testing

/// SmolLM2-135M-Instruct as it was published; `make teachers` fetches it.
@Suite struct PublishedGGUFTests {
    private static let file: URL? = {
        let caches =
            ProcessInfo.processInfo.environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? NSHomeDirectory() + "/.cache"
        let path = "\(caches)/retort/teachers/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf"
        return FileManager.default.fileExists(atPath: path) ? URL(fileURLWithPath: path) : nil
    }()

    private struct Expected: Decodable {
        var keys: [String]
        var tensors: Int
        var tensorDigest: String
        var tokens: Int
        var tokenDigest: String
    }

    @Test(.enabled(if: file != nil, "not fetched: make teachers"))
    func `every tensor is bit for bit what the reference makes of it`() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let expected = try decoder.decode(Expected.self, from: GoldenFile.bytes("gguf/smollm2.json"))
        let file = try GGUFFile(reading: #require(Self.file))
        #expect(file.metadata.map(\.key) == expected.keys)
        let tokens = try file.strings("tokenizer.ggml.tokens")
        #expect(tokens.count == expected.tokens)
        #expect(Digest.sha256(tokens.joined(separator: "\n")) == expected.tokenDigest)
        var lines = ""
        for (name, tensor) in file.tensors {
            let digest = try tensor.float32().withUnsafeBytes { Digest.sha256(Data($0)) }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            lines += "\(name) \(tensor.type.rawValue) \(shape) \(digest)\n"
        }
        #expect(file.tensors.count == expected.tensors)
        #expect(Digest.sha256(lines) == expected.tensorDigest)
    }
}
