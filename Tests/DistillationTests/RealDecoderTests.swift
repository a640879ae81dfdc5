import Distillation
import Foundation
import Models
import Tensors
import Testing

/// The published SmolLM2-135M-Instruct in a GGUF file, fetched by `make teachers`, against llama.cpp on the same file.
@Suite("SmolLM2 continues texts as llama.cpp does", .serialized)
struct RealDecoderTests {
    private static let file: URL = {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
        return cache.appendingPathComponent(
            "retort/teachers/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf")
    }()
    private static let isFetched = FileManager.default.fileExists(atPath: file.path)

    private struct Golden: Decodable {
        let prompt: String
        let promptTokens: [Int32]
        let tokens: [Int32]
        /// By how much each token beat the next one.
        let gaps: [Float]

        static func read() throws -> [Golden] {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Golden/smollm2.json")
            return try decoder.decode([Golden].self, from: Data(contentsOf: file))
        }
    }

    @Test(
        "64 tokens of five texts, the likeliest each time; where one differs, the reference's lead is below 1e-3",
        .enabled(if: isFetched, "not fetched: make teachers"))
    func greedy() throws {
        let runner = try DecoderDirectory.readRunner(Self.file)
        for golden in try Golden.read() {
            var continuation = try Continuation(
                of: golden.promptTokens, by: runner, sampling: .greedy, limit: 64, endTokens: [])
            for (step, expected) in golden.tokens.enumerated() {
                let token = try #require(try continuation.next())
                guard token != expected else { continue }
                #expect(golden.gaps[step] < 1e-3, "\(golden.prompt): token \(step) is \(token), expected \(expected)")
                break
            }
        }
    }

    /// Integer products round activations to 8 bits: logits differ from those of float32 by a few hundredths.
    @Test(
        "the file's own blocks and float32 give nearly the same logits",
        .enabled(if: isFetched, "not fetched: make teachers"))
    func precision() throws {
        let tokens = try Golden.read()[0].promptTokens
        let blocks = DecoderSession(try DecoderDirectory.readRunner(Self.file)).append(tokens)
        let float = DecoderSession(DecoderRunner(try DecoderDirectory.read(Self.file))).append(tokens)
        // An independent reader's five likeliest tokens after "The capital of France is" and their logits.
        let expected: [(id: Int, logit: Float)] = [(7042, 17.371), (260, 14.889)]
        for (id, logit) in expected {
            #expect(abs(float.values[id] - logit) < 2e-3)
            #expect(abs(blocks.values[id] - logit) < 0.2)
        }
    }
}
