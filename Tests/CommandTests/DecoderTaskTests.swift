import Foundation
import Testing

/// A tiny published decoder with a tokenizer of single letters, through the program.
@Suite("predict and inspect with a decoder")
struct DecoderTaskTests {
    private func answers(_ command: Command, _ input: String, _ options: String...) throws -> [[String: Any]] {
        let result = try command.start(["predict", "model"] + options, input: input).finish()
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("continues each line, with its id, its tokens and why it ended")
    func continues() throws {
        try LetterModel.with { command in
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
        try LetterModel.with { command in
            let text = try answers(command, "a bad\n", "--max-tokens", "6")[0]["text"] as? String
            let result = try command.start(
                ["predict", "model", "--text", "a bad", "--max-tokens", "6", "--stream"]
            ).finish()
            #expect(result.output == (text ?? "") + "\n")
        }
    }

    @Test("streams nothing for rows of the table past the vocabulary")
    func streamsKnownTokens() throws {
        try LetterModel.with(tokens: 8) { command in
            let options = ["--max-tokens", "40", "--temperature", "9"]
            let answer = try #require(
                try answers(command, "a bad\n", options[0], options[1], options[2], options[3]).first)
            #expect((answer["tokens"] as? [Int])?.contains { $0 >= 8 } == true)
            let result = try command.start(["predict", "model", "--text", "a bad", "--stream"] + options).finish()
            #expect(result.status == 0 && result.output == (answer["text"] as? String ?? "") + "\n", "\(result.errors)")
        }
    }

    @Test("ends a text where generation_config.json says so, whatever config.json says")
    func generationConfiguration() throws {
        try LetterModel.with { command in
            let free = try #require(try answers(command, "a bad\n", "--max-tokens", "6")[0]["tokens"] as? [Int])
            let (end, other) = (try #require(free.last), try #require((0..<23).first { !free.contains($0) }))
            for ids in ["\(end)", "[\(other), \(end)]"] {
                try command.write("{\"eos_token_id\": \(ids)}", to: "model/generation_config.json")
                let ended = try answers(command, "a bad\n", "--max-tokens", "6")[0]
                #expect(
                    ended["tokens"] as? [Int] == Array(free.prefix { $0 != end }) && ended["finish"] as? String == "end"
                )
            }
            try command.write("{\"eos_token_id\": [\"x\"]}", to: "model/generation_config.json")
            let damaged = try command.run("predict", "model", input: "a\n")
            #expect(damaged.status == 2 && damaged.errors.contains("generation_config.json: eos_token_id"))
        }
    }

    @Test("draws the same with the same seed, whatever else is asked beside it")
    func seeds() throws {
        try LetterModel.with { command in
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
        try LetterModel.with { command in
            for (input, word) in [
                ("{\"text\": \"a\", \"text_pair\": \"b\"}\n", "text_pair"), ("a\n\n", "standard input:2: an empty"),
                (String(repeating: "a", count: 65) + "\n", "65 tokens"),
            ] {
                let result = try command.run("predict", "model", input: input)
                #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
            }
            for option in [["--logits"], ["--max-length", "5"]] {
                let result = try command.start(["predict", "model", "--text", "a"] + option).finish()
                #expect(result.status == 2 && result.errors.contains(option[0]), "\(result.errors)")
            }
            for option in [["--top-p", "0"], ["--max-tokens", "0"], ["--temperature=-1"], ["--top-k=-1"]] {
                #expect(try command.start(["predict", "model"] + option).finish().status == 64, "\(option)")
            }
        }
    }

    @Test("a directory with nothing but a GGUF file stands for the file")
    func ggufDirectory() throws {
        try LetterModel.with { command in
            let folder = command.folder.appendingPathComponent("download")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: LetterModel.golden.appendingPathComponent("llama/model.gguf"),
                to: folder.appendingPathComponent("tiny.gguf"))
            // The file holds no tokenizer.
            let result = try command.run("predict", "download", input: "a\n")
            #expect(result.status == 2 && result.errors.contains("tiny.gguf"), "\(result.errors)")
        }
    }

    @Test("takes gelu_fast for the tanh form that it is")
    func fastGelu() throws {
        try LetterModel.with(of: "gpt2") { command in
            let plain = try answers(command, "a bad\n", "--max-tokens", "6")[0]["tokens"] as? [Int]
            let file = command.folder.appendingPathComponent("model/config.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try command.write(text.replacing("\"gelu_new\"", with: "\"gelu_fast\""), to: "model/config.json")
            #expect(try answers(command, "a bad\n", "--max-tokens", "6")[0]["tokens"] as? [Int] == plain)
        }
    }

    @Test("inspect tells the architecture, and what is missing")
    func inspects() throws {
        try LetterModel.with { command in
            let result = try command.run("inspect", "model")
            #expect(result.status == 0)
            for fact in ["llama decoder", "key heads per layer: 2, 2", "weights: F32", "tokenizer: 23 tokens"] {
                #expect(result.output.contains(fact), "\(fact)")
            }
            let other = command.folder.appendingPathComponent("other")
            try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
            try command.write(#"{"model_type": "llama"}"#, to: "other/config.json")
            let problems = try command.run("inspect", "other").output.split(separator: "\n").filter {
                $0.contains("vocab_size")
            }
            #expect(problems.count == 1)
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("model/tokenizer.json"))
            let without = try command.run("inspect", "model")
            #expect(without.status == 2)
            #expect(without.output.contains("llama decoder") && without.output.contains("tokenizer.json"))
        }
    }
}
