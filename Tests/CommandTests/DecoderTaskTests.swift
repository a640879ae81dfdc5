import Foundation
import Testing

/// A tiny published decoder with a tokenizer of single letters, through the program.
@Suite("predict and inspect with a decoder")
struct DecoderTaskTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/decoders/llama")

    /// A folder with the checkpoint as `model`: 23 tokens, the blank and a to v.
    private func withModel(_ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let model = command.folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                at: Self.golden.appendingPathComponent(name), to: model.appendingPathComponent(name))
        }
        let letters = ["Ġ"] + "abcdefghijklmnopqrstuv".map(String.init)
        let vocabulary = letters.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let level = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#
        try command.write(
            #"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":\#(level),"#
                + #""post_processor":null,"decoder":\#(level),"model":{"type":"BPE","dropout":null,"unk_token":null,"#
                + #""continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"#
                + #""vocab":{\#(vocabulary)},"merges":[]}}"#, to: "model/tokenizer.json")
        try body(command)
    }

    private func answers(_ command: Command, _ input: String, _ options: String...) throws -> [[String: Any]] {
        let result = try command.start(["predict", "model"] + options, input: input).finish()
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("continues each line, with its id, its tokens and why it ended")
    func continues() throws {
        try withModel { command in
            let lines = try answers(command, "a bad\nhello\n", "--max-tokens", "6")
            #expect(lines.map { $0["id"] as? Int } == [1, 2])
            for line in lines {
                let (text, tokens) = (try #require(line["text"] as? String), try #require(line["tokens"] as? [Int]))
                #expect(text.unicodeScalars.count == tokens.count && tokens.count <= 6)
                #expect(line["finish"] as? String == (tokens.count == 6 ? "length" : "end"))
            }
            let objects = try answers(command, "{\"id\": \"x\", \"text\": \"a bad\"}\n", "--max-tokens", "6")
            #expect(objects[0]["id"] as? String == "x" && objects[0]["text"] as? String == lines[0]["text"] as? String)
        }
    }

    @Test("streams the text itself")
    func streams() throws {
        try withModel { command in
            let text = try answers(command, "a bad\n", "--max-tokens", "6")[0]["text"] as? String
            let result = try command.start(
                ["predict", "model", "--text", "a bad", "--max-tokens", "6", "--stream"]
            ).finish()
            #expect(result.output == (text ?? "") + "\n")
        }
    }

    @Test("draws the same with the same seed, whatever else is asked beside it")
    func seeds() throws {
        try withModel { command in
            func drawn(_ input: String, _ seed: String) throws -> [String?] {
                try answers(command, input, "--temperature", "3", "--seed", seed, "--max-tokens", "20").map {
                    $0["text"] as? String
                }
            }
            let first = try drawn("a bad\na bad\n", "1")
            #expect(first[0] != first[1])
            #expect(try drawn("a bad\n", "1")[0] == first[0])
            #expect(try drawn("a bad\n", "2")[0] != first[0])
        }
    }

    @Test("refuses what a decoder cannot do, and options out of range")
    func refusals() throws {
        try withModel { command in
            for (input, word) in [
                ("{\"text\": \"a\", \"text_pair\": \"b\"}\n", "text_pair"), ("\n", "empty"),
                (String(repeating: "a", count: 65) + "\n", "65 tokens"),
            ] {
                let result = try command.run("predict", "model", input: input)
                #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
            }
            for option in [["--top-p", "0"], ["--max-tokens", "0"], ["--temperature=-1"], ["--top-k=-1"]] {
                #expect(try command.start(["predict", "model"] + option).finish().status == 64, "\(option)")
            }
        }
    }

    @Test("inspect tells the architecture, and what is missing")
    func inspects() throws {
        try withModel { command in
            let result = try command.run("inspect", "model")
            #expect(result.status == 0)
            for fact in ["llama decoder", "key heads per layer: 2, 2", "tokenizer: 23 tokens"] {
                #expect(result.output.contains(fact), "\(fact)")
            }
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("model/tokenizer.json"))
            let without = try command.run("inspect", "model")
            #expect(without.status == 2)
            #expect(without.output.contains("llama decoder") && without.output.contains("tokenizer.json"))
        }
    }
}
