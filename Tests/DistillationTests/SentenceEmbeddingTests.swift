import Distillation
import Formats
import Foundation
import Layers
import Models
import Testing
import Tokenizers

/// The published all-MiniLM-L6-v2, from the text to the embedding.
@Suite("all-MiniLM-L6-v2", .enabled(if: PublishedModel.isThere, "fetch it with: make teachers"))
struct SentenceEmbeddingTests {
    private func embeddings(_ texts: [String]) throws -> [[Float]] {
        let encoder = try ModelDirectory.readEncoder(PublishedModel.directory)
        let tokenizer = try TokenizerFiles.load(from: PublishedModel.directory)
        try ModelDirectory.check(tokenizer, fits: encoder.configuration, in: PublishedModel.directory)
        let sequences = tokenizer.encode(texts, maxLength: encoder.configuration.longestText)
        let values = try encoder.logits(of: sequences, batch: 16)
        return texts.indices.map { Array(values[$0 * 384..<($0 + 1) * 384]) }
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        func dot(_ x: [Float], _ y: [Float]) -> Double { zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }

    @Test("is read as published: mean pooling, normalized, at most 256 tokens")
    func configuration() throws {
        let encoder = try ModelDirectory.readEncoder(PublishedModel.directory)
        let configuration = encoder.configuration
        #expect(configuration.head == .embedding && configuration.pooling == .mean && configuration.normalizesEmbedding)
        #expect(configuration.longestText == 256 && configuration.maximumPositions == 512)
        // The published 22.71 million, without the pooler, which no embedding reads.
        #expect(encoder.parameterCount == 22_713_216 - 384 * 385)
    }

    /// By an independent reader in NumPy.
    @Test("embeds the sentences of its model card")
    func modelCard() throws {
        let found = try embeddings(["This is an example sentence", "Each sentence is converted"])
        let expected: [[Float]] = [
            [0.06765684, 0.06349596, 0.04871313, 0.07930498, 0.03744804],
            [0.08643857, 0.10276258, 0.00539455, 0.00204443, -0.00996341],
        ]
        for (a, b) in zip(found, expected) {
            for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-6) }
        }
        #expect(abs(cosine(found[0], found[1]) - 0.40455934) < 1e-6)
    }

    @Test("embeds mixed texts as transformers does, to a cosine of 1 − 1e-5")
    func mixedTexts() throws {
        let golden = try Safetensors(reading: PublishedModel.golden)
        let texts = try JSONDecoder().decode([String].self, from: Data((golden.metadata["texts"] ?? "").utf8))
        let expected = try #require(golden["embeddings"]).float32()
        #expect(texts.count == 64 && expected.count == 64 * 384)
        for (row, embedding) in try embeddings(texts).enumerated() {
            let wanted = Array(expected[row * 384..<(row + 1) * 384])
            #expect(cosine(embedding, wanted) >= 1 - 1e-5, "\(texts[row].prefix(60))")
        }
    }
}

/// Where `make teachers` puts it.
private enum PublishedModel {
    static let directory: URL = {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
        return cache.appendingPathComponent("retort/teachers/all-MiniLM-L6-v2", isDirectory: true)
    }()

    static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Golden/sentences.safetensors")

    static var isThere: Bool {
        FileManager.default.fileExists(atPath: directory.appendingPathComponent("model.safetensors").path)
    }
}
