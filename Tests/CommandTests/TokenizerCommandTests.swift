import Foundation
import Testing

@Suite("retort tokenizer")
struct TokenizerCommandTests {
    private static let corpus = (0..<200).map { "the brown fox number \($0 % 17) jumps over the lazy dog again" }

    private func withCommand(_ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try command.write(Self.corpus.joined(separator: "\n"), to: "corpus.txt")
        try body(command)
    }

    private func object(_ line: some StringProtocol) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("trains a vocabulary, encodes with it and decodes the ids again", arguments: ["wordpiece", "byte-level"])
    func trainEncodeDecode(_ kind: String) throws {
        try withCommand { command in
            let trained = try command.run(
                "tokenizer", "train", "--kind", kind, "--vocabulary", "320", "corpus.txt", "--output", "out", "--json")
            #expect(trained.status == 0, "\(trained.errors)")
            let summary = try object(trained.output)
            #expect(summary["texts"] as? Int == 200)
            #expect(summary["vocabulary"] as? Int ?? 0 <= 320)
            #expect(try command.contents == ["corpus.txt", "out"])

            let encoded = try command.run("tokenizer", "encode", "out", input: "the lazy dog\nthe brown fox\n")
            #expect(encoded.status == 0, "\(encoded.errors)")
            let lines = encoded.output.split(separator: "\n")
            let first = try object(lines[0])
            let tokens = try #require(first["tokens"] as? [String])
            #expect(tokens.contains(kind == "wordpiece" ? "dog" : "Ġdog"))
            for key in ["ids", "offsets", "type_ids"] { #expect((first[key] as? [Any])?.count == tokens.count) }

            let decoded = try command.run("tokenizer", "decode", "out", input: encoded.output)
            #expect(
                decoded.output == #"{"id":1,"text":"the lazy dog"}"# + "\n" + #"{"id":2,"text":"the brown fox"}"# + "\n"
            )
            #expect(try command.run("tokenizer", "compare", "out", "out").status == 0)
        }
    }

    @Test("compares tokenizers, and exits 1 when they differ")
    func compare() throws {
        try withCommand { command in
            for (size, name) in [("85", "small"), ("95", "large")] {
                #expect(
                    try command.run("tokenizer", "train", "--vocabulary", size, "corpus.txt", "-o", name).status == 0)
            }
            let plain = try command.run("tokenizer", "compare", "small", "large")
            #expect(plain.status == 1)
            #expect(plain.output.contains("85 and 95 tokens"))
            let json = try command.run(
                "tokenizer", "compare", "small", "large", "--json", "--texts", "corpus.txt", "--limit", "2")
            #expect(json.status == 1)
            let difference = try #require(try object(json.output)["difference"] as? [String: Any])
            #expect(difference["compared_texts"] as? Int == 200)
            #expect((difference["examples"] as? [Any])?.count == 2)
        }
    }

    @Test("reads texts and pairs from JSON objects, and leaves the template out on request")
    func objects() throws {
        try withCommand { command in
            #expect(try command.run("tokenizer", "train", "--vocabulary", "90", "corpus.txt", "-o", "out").status == 0)
            let input = #"{"id": "é\"", "text": "the\nfox", "text_pair": "dog"}"# + "\n" + #"{"text": "dog"}"# + "\n"
            let result = try command.run("tokenizer", "encode", "out", "--no-special", input: input)
            let lines = try result.output.split(separator: "\n").map(object)
            #expect(lines[0]["id"] as? String == "é\"")
            #expect(lines[0]["tokens"] as? [String] == ["the", "fox", "dog"])
            #expect(lines[0]["offsets"] as? [[Int]] == [[0, 3], [4, 7], [0, 3]])
            #expect(lines[0]["type_ids"] as? [Int] == [0, 0, 1])
            #expect(lines[1]["id"] as? Int == 2)
            let short = try command.run(
                "tokenizer", "encode", "out", "--only-ids", "--max-length", "4", "--pair", "fox", input: "the dog\n")
            #expect(short.output == "[2,\(try ids("the", command)),3,3]\n")
        }
    }

    private func ids(_ text: String, _ command: Command) throws -> String {
        let line = try command.run("tokenizer", "encode", "out", "--no-special", "--only-ids", input: text).output
        return line.trimmingCharacters(in: CharacterSet(charactersIn: "[]\n"))
    }

    @Test("refuses bad input with exit code 2 and writes nothing")
    func refusals() throws {
        try withCommand { command in
            try command.write("text,label\n", to: "empty.csv")
            try command.write("  \n \n", to: "blank.txt")
            try Data([0x61, 0xFF]).write(to: command.folder.appendingPathComponent("bytes.txt"))
            let before = try command.contents
            let cases: [([String], String)] = [
                (["missing.txt"], "missing.txt"), (["empty.csv"], "holds no records"), (["blank.txt"], "hold no word"),
                (["bytes.txt"], "not valid UTF-8"), (["corpus.txt", "--column", "body"], "body"),
                (["corpus.txt", "--vocabulary", "20"], "too small"),
            ]
            for (arguments, problem) in cases {
                let process = try command.start(["tokenizer", "train", "--output", "out"] + arguments)
                let result = try process.finish()
                #expect(result.status == 2, "\(arguments)")
                #expect(result.errors.contains(problem), "\(result.errors)")
                #expect(try command.contents == before)
            }
            #expect(try command.run("tokenizer", "train", "corpus.txt", "--output", "corpus.txt").status == 2)
            #expect(try command.run("tokenizer", "encode", "nowhere", input: "x\n").status == 2)
            #expect(try command.run("tokenizer", "train", "corpus.txt").status == 64)
        }
    }

    @Test("keeps a tokenizer that is there, unless told to replace it")
    func replacing() throws {
        try withCommand { command in
            func train(_ arguments: String...) throws -> Command.Result {
                try command.start(["tokenizer", "train", "corpus.txt", "-o", "out"] + arguments).finish()
            }
            #expect(try train("--kind", "byte-level", "--vocabulary", "300").status == 0)
            try command.write("other", to: "out/notes.md")
            let refused = try train("--vocabulary", "90")
            #expect(refused.status == 2)
            #expect(refused.errors.contains("--force"))
            #expect(try train("--vocabulary", "90", "--force").status == 0)
            let names = try FileManager.default.contentsOfDirectory(
                atPath: command.folder.appendingPathComponent("out").path)
            #expect(
                names.sorted() == [
                    "notes.md", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
                ])
        }
    }

    @Test("Ctrl-C leaves nothing half written")
    func interruption() throws {
        try withCommand { command in
            // Many different long words keep the training busy.
            var state: UInt64 = 1
            var lines: [String] = []
            for _ in 0..<60_000 {
                var word = ""
                for _ in 0..<40 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    word.unicodeScalars.append(Unicode.Scalar(UInt8(97 + (state >> 33) % 26)))
                }
                lines.append(word)
            }
            try command.write(lines.joined(separator: "\n"), to: "large.txt")
            let running = try command.start(
                [
                    "tokenizer", "train", "--kind", "byte-level", "--vocabulary", "500000", "--min-frequency", "1",
                    "large.txt", "-o", "out",
                ])
            while running.process.isRunning, !(try running.messages.contains("reading")) { sched_yield() }
            running.process.interrupt()
            let result = try running.finish()
            #expect(result.status == 130)
            #expect(result.errors.contains("nothing was written"))
            #expect(try command.contents == ["corpus.txt", "large.txt"])
        }
    }
}
