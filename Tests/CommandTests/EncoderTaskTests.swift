import Foundation
import Testing

/// Tiny published checkpoints of each head, with a tokenizer of a few words, through the program.
@Suite("predict and inspect, by what a model is for")
struct EncoderTaskTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/encoders")
    private static let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "blue", "cat", "dog", "and", "a", "##s",
    ]

    /// A folder with the checkpoint as `model`.
    private func with(_ name: String, _ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let model = command.folder.appendingPathComponent("model")
        try FileManager.default.copyItem(at: Self.golden.appendingPathComponent(name), to: model)
        try command.write(Self.words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
        try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
        try body(command)
    }

    private func answers(_ command: Command, _ input: String, _ options: String...) throws -> [[String: Any]] {
        let running = try command.start(["predict", "model"] + options, input: input)
        let result = try running.finish()
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("a regression gives a value")
    func regression() throws {
        try with("bert-regression") { command in
            let found = try answers(command, "the red cat\na dog\n")
            #expect(found.count == 2 && found[1]["id"] as? Int == 2)
            #expect(found[0]["value"] as? Double != found[1]["value"] as? Double)
        }
        try with("xlm-roberta-regression") { command in
            let values = try answers(command, "the red cat\n")[0]["values"] as? [String: Double]
            #expect(values?.keys.sorted() == ["LABEL_0", "LABEL_1"])
        }
    }

    @Test("sentence embeddings have the model's width and norm 1")
    func embedding() throws {
        try with("bert-embedding") { command in
            for answer in try answers(command, "the red cat\n\nthe\n") {
                let embedding = try #require(answer["embedding"] as? [Double])
                #expect(embedding.count == 8 && abs(embedding.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
            }
        }
    }

    @Test("a masked language model fills each mask, the likeliest first")
    func masks() throws {
        try with("distilbert-masked") { command in
            let found = try answers(command, "the [MASK] cat and [MASK]\nno mask\n", "--top", "3")
            let masks = try #require(found[0]["masks"] as? [[[String: Any]]])
            #expect(masks.map(\.count) == [3, 3])
            for guesses in masks {
                let scores = guesses.compactMap { $0["score"] as? Double }
                #expect(scores == scores.sorted(by: >) && scores.allSatisfy { $0 > 0 && $0 < 1 })
                #expect(guesses.allSatisfy { Self.words.contains($0["token"] as? String ?? "") })
            }
            #expect((found[1]["masks"] as? [Any])?.isEmpty == true)
        }
    }

    @Test("a pair is told from its texts joined, by the separator and the token types")
    func pairs() throws {
        try with("bert-classification") { command in
            let found = try answers(
                command,
                """
                {"id": "pair", "text": "the cat", "text_pair": "a dog"}
                {"id": "joined", "text": "the cat a dog"}
                {"id": "separated", "text": "the cat [SEP] a dog"}

                """, "--logits")
            let logits = try found.map { try #require($0["logits"] as? [Double]) }
            #expect(logits[0] != logits[1] && logits[0] != logits[2] && logits[1] != logits[2])
            #expect(found.map { $0["id"] as? String } == ["pair", "joined", "separated"])
        }
    }

    @Test("blank lines between JSON objects are no texts, --stream is refused")
    func blankLines() throws {
        try with("bert-classification") { command in
            let found = try answers(command, "{\"text\": \"the cat\"}\n\n  \n{\"text\": \"a dog\"}\n\n")
            #expect(found.map { $0["id"] as? Int } == [1, 4])
            let streamed = try command.run("predict", "model", "--stream", input: "the cat\n")
            #expect(streamed.status == 2 && streamed.errors.contains("--stream"))
        }
    }

    @Test("a checkpoint without a head is refused with what is missing")
    func bare() throws {
        try with("bert-embedding") { command in
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("model/modules.json"))
            let result = try command.run("predict", "model", input: "the cat\n")
            #expect(result.status == 2)
            for words in ["classifier.weight", "classifier.bias", "teacher.fine_tune", "modules.json"] {
                #expect(result.errors.contains(words), "\(words)")
            }
        }
    }

    @Test("eval refuses a model whose answers are not classes")
    func eval() throws {
        try with("bert-embedding") { command in
            try command.write("text,label\nthe cat,a\n", to: "rows.csv")
            let result = try command.run("eval", "model", "--data", "rows.csv")
            #expect(result.status == 2 && result.errors.contains("embedding"))
        }
    }

    @Test("inspect finds nothing wrong with a checkpoint that was only pre-trained")
    func inspectBare() throws {
        try with("bert-embedding") { command in
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("model/modules.json"))
            let result = try command.run("inspect", "model")
            #expect(result.status == 0 && !result.output.contains("problem"), "\(result.output)")
            #expect(result.output.contains("head: none") && result.output.contains("parameters: "))
        }
    }

    @Test("inspect tells what a tokenizer's file holds, and sends a config.json to its directory")
    func inspectTokenizer() throws {
        try with("bert-embedding") { command in
            let result = try command.run("inspect", "model/vocab.txt")
            #expect(result.status == 0, "\(result.errors)")
            for words in ["format: tokenizer", "tokenizer: 13 tokens", "mask_token: [MASK] 4", "lowercase: true"] {
                #expect(result.output.contains(words), "\(words)")
            }
            try command.write("{}", to: "model/tokenizer.json")
            let damaged = try command.run("inspect", "model/tokenizer.json")
            #expect(damaged.status == 2 && damaged.errors.contains("model"), "\(damaged.errors)")
            let configuration = try command.run("inspect", "model/config.json")
            #expect(configuration.status == 2 && configuration.errors.contains("directory"))
        }
    }

    @Test("inspect tells architecture, head, pooling and tokenizer, and what is wrong")
    func inspect() throws {
        try with("bert-embedding") { command in
            let whole = try command.run("inspect", "model")
            #expect(whole.status == 0, "\(whole.errors)")
            for words in [
                "architecture: BertModel (bert)", "head: embedding", "pooling: mean, normalized",
                "longest text: 8 tokens", "tokenizer: 13 tokens",
            ] {
                #expect(whole.output.contains(words), "\(words)")
            }
            try command.write(
                (Self.words + (0..<9).map { "w\($0)" }).joined(separator: "\n") + "\n", to: "model/vocab.txt")
            let broken = try command.run("inspect", "model", "--json")
            #expect(broken.status == 2)
            let object = try JSONSerialization.jsonObject(with: Data(broken.output.utf8)) as? [String: Any]
            let problems = try #require(object?["problems"] as? [String])
            #expect(problems.count == 1 && problems[0].contains("22 pieces"))
        }
    }
}
