import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

@Suite("Encoders as GGUF files")
struct EncoderGGUFTests {
    private static let words = SpecialTokens.names + ["the", "red", "##s", "cat", "a", "##t"]
    private let tokenizer: WordPieceTokenizer

    init() throws {
        tokenizer = try WordPieceTokenizer(vocabulary: Self.words)
    }

    private func encoder(_ change: (inout EncoderConfiguration) -> Void = { _ in }) -> Models.Encoder {
        var configuration = EncoderConfiguration(
            vocabularySize: Self.words.count, hiddenSize: 64, layers: 2, heads: 4, feedForward: 96,
            maximumPositions: 24, dropout: 0.1, pooling: .first, labels: ["no", "yes", "maybe"])
        change(&configuration)
        return Models.Encoder(configuration, key: RandomKey(3))
    }

    private func inFile<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url)
    }

    @Test("F32 gives the very model, the others one within their rounding, and always the same bytes")
    func roundTrip() throws {
        for head in [EncoderConfiguration.Head.classification, .regression, .embedding] {
            let encoder = encoder {
                $0.head = head
                if head == .embedding { ($0.pooling, $0.labels) = (.mean, []) }
            }
            for (type, tolerance) in [(ElementType.float32, Float(0)), (.float16, 1e-3), (.q80, 1e-2), (.q40, 0.2)] {
                try inFile { url in
                    func write() throws -> Data {
                        try EncoderGGUF.write(encoder, tokenizer, type: type, name: "x", to: url)
                        return try Data(contentsOf: url)
                    }
                    #expect(try write() == write())
                    let read = try EncoderGGUF.read(url, encoder.configuration)
                    for (a, b) in zip(encoder.parameters, read.parameters) {
                        let largest = a.value.values.map(abs).max() ?? 0
                        let difference = zip(a.value.values, b.value.values).map { abs($0 - $1) }.max() ?? 0
                        #expect(difference <= tolerance * largest, "\(type) of \(a.name)")
                    }
                }
            }
        }
    }

    @Test("the file has llama.cpp's keys, and pieces that begin words carry its mark")
    func keys() throws {
        let encoder = encoder()
        try inFile { url in
            try EncoderGGUF.write(encoder, tokenizer, type: .q80, name: "filter", to: url)
            let file = try GGUFFile(reading: url)
            #expect(try file.string("general.architecture") == "bert" && file.integer("bert.pooling_type") == 4)
            #expect(try file.strings("bert.classifier.output_labels") == ["no", "yes", "maybe"])
            #expect(
                try file.strings("tokenizer.ggml.tokens").suffix(6) == [
                    "\u{2581}the", "\u{2581}red", "s", "\u{2581}cat", "\u{2581}a", "t",
                ])
            #expect(try file.strings("tokenizer.ggml.tokens").prefix(5) == Self.words.prefix(5))
            #expect(try file.integer("tokenizer.ggml.seperator_token_id") == Self.words.firstIndex(of: "[SEP]"))
            #expect(file["blk.1.ffn_up.weight"]?.type == .q80 && file["blk.1.attn_q.bias"]?.type == .float32)
            #expect(file["position_embd.weight"]?.type == .float32 && file["cls.output.weight"]?.type == .float32)
        }
    }

    @Test("what llama.cpp's graph has no place for is refused with a way out")
    func refusals() throws {
        let changes: [(inout EncoderConfiguration) -> Void] = [
            { $0.heads = [4, 3] }, { $0.feedForward = [96, 64] }, { $0.activation = .relu },
            { ($0.head, $0.pooling, $0.labels) = (.embedding, .max, []) }, { $0.pooling = .mean },
            { ($0.family, $0.tokenTypes) = (.distilbert, 0) }, { ($0.head, $0.labels) = (.maskedLanguageModel, []) },
        ]
        for (number, change) in changes.enumerated() {
            let error = #expect(throws: InputError.self, "\(number)") {
                try inFile { try EncoderGGUF.write(encoder(change), tokenizer, type: .float32, name: "x", to: $0) }
            }
            #expect(error?.remedy?.contains("safetensors") == true)
        }
        let cased = try WordPieceTokenizer(vocabulary: Self.words, lowercase: false)
        #expect(throws: InputError.self) {
            try inFile { try EncoderGGUF.write(encoder(), cased, type: .float32, name: "x", to: $0) }
        }
    }

    @Test("a file of another model is refused, naming the key")
    func otherModel() throws {
        let error = #expect(throws: InputError.self) {
            try inFile { url in
                try EncoderGGUF.write(encoder(), tokenizer, type: .float32, name: "x", to: url)
                _ = try EncoderGGUF.read(
                    url,
                    encoder { $0.maximumPositions = 25 }.configuration)
            }
        }
        #expect(error?.field == "bert.context_length")
    }
}
