import Distillation
import Foundation
import Models
import Tensors
import Testing

/// The published SmolLM2-135M-Instruct in a GGUF file, fetched by `make teachers`, against llama.cpp on the same file.
@Suite("SmolLM2 continues texts as llama.cpp does", .serialized)
struct RealDecoderTests {
    static let file: URL = {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
        return cache.appendingPathComponent(
            "retort/teachers/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf")
    }()
    static let isFetched = FileManager.default.fileExists(atPath: file.path)

    struct Golden: Decodable {
        struct Steps: Decodable {
            let tokens: [Int32]
            /// By how much each token's logit beat the next one.
            let gaps: [Float]
        }
        let prompt: String
        let promptTokens: [Int32]
        /// Of llama.cpp on the file's weights as float32.
        let exact: Steps
        /// Of llama.cpp on the file itself, where it rounds activations to 8 bits.
        let rounded: Steps

        static func read() throws -> [Golden] {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            return try decoder.decode(
                [Golden].self, from: Data(contentsOf: tests.appendingPathComponent("Golden/smollm2.json")))
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
            for (step, expected) in golden.exact.tokens.enumerated() {
                let token = try #require(try continuation.next())
                guard token != expected else { continue }
                let gap = golden.exact.gaps[step]
                #expect(gap < 1e-3, "\(golden.prompt): token \(step) is \(token), expected \(expected)")
                break
            }
        }
    }

    /// What llama.cpp's rounding of activations does: leads differ by 0.12 to 0.19 in the root mean square.
    @Test(
        "along llama.cpp's own text from the file's blocks, leads agree to its rounding",
        .enabled(if: isFetched, "not fetched: make teachers"))
    func rounded() throws {
        let runner = try DecoderDirectory.readRunner(Self.file)
        for golden in try Golden.read() {
            let session = DecoderSession(runner)
            var logits = session.append(golden.promptTokens).values
            var squares: Float = 0
            for (token, gap) in zip(golden.rounded.tokens, golden.rounded.gaps) {
                let chosen = logits[Int(token)]
                logits[Int(token)] = -.infinity
                let difference = chosen - logits.max()! - gap
                squares += difference * difference
                logits = session.append([token]).values
            }
            #expect((squares / Float(golden.rounded.tokens.count)).squareRoot() < 0.25, "\(golden.prompt)")
        }
    }

    @Test(
        "the file's own blocks and float32 give the same logits, those of an independent reader",
        .enabled(if: isFetched, "not fetched: make teachers"))
    func blocks() throws {
        let tokens = try Golden.read()[0].promptTokens
        let blocks = DecoderSession(try DecoderDirectory.readRunner(Self.file)).append(tokens).values
        let float = DecoderSession(DecoderRunner(try DecoderDirectory.read(Self.file))).append(tokens).values
        #expect(blocks == float)
        // " Paris" and " the" after "The capital of France is", by NumPy.
        for (id, logit) in [(7042, 17.371), (260, 14.889)] as [(Int, Float)] { #expect(abs(float[id] - logit) < 2e-3) }
    }
}
