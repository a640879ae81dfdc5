import Foundation
import Testing

@Suite("eval, compare, cascade, bench and report refuse in words, early")
struct ProofGuardTests {
    @Test("options that would do nothing, or cannot be, are usage errors with the reason")
    func idleOptions() throws {
        try Command.with { command in
            try command.writeAnswers()
            try command.write("id,prompt\n" + (0..<12).map { "r\($0),p\n" }.joined(), to: "prompts.csv")
            for options in [
                ["--max-tokens", "5"], ["--generate"], ["--batch", "3"], ["--queries", "7"], ["--embedder", "x"],
            ] {
                try command.expect(64, "\(options[0]) does nothing here: ", from: Command.eval + options)
            }
            try command.expect(
                64, "--batch, --seed without --data", from: ["eval", "x", "--batch", "3", "--seed", "1"])
            try command.expect(64, "--max-tokens does nothing here", from: Command.compare + ["--max-tokens", "5"])
            for threshold in ["-1", "0", "1.5", "nan"] {
                try command.expect(64, "--threshold", from: Command.compare + ["--threshold=\(threshold)"])
            }
            try command.expect(64, "--threshold", from: Command.compare + ["--embedder", "x", "--threshold=-1.5"])
            try command.expect(64, "--queries does nothing", from: Command.cascade + ["--queries", "3"])
            try command.expect(
                64, "--calibration goes with models", from: Command.cascade + ["--calibration", "rows.csv"])
            try command.expect(
                64, "names of their own", from: Command.cascade + ["--output", "c.json", "--html", "./c.json"])
            for (gate, words) in [
                ("none: pass_rate >= 0.5", "no row has the priority none"), ("json_rate >= 0.5", "give --json-schema"),
                ("cost <= old", "give --prices"), ("similarity >= 0.5", "give --embedder"),
            ] {
                try command.expect(2, words, from: Command.compare + ["--gate", gate])
            }
            try command.expect(
                64, "--relative-cost", from: Command.cascade.dropLast(2) + ["--relative-cost=-1"])
            try command.expect(64, "--text does nothing without --data", from: ["bench", "x", "--text", "t"])
            try command.expect(
                64, "--slice names a column twice", from: Command.eval + ["--slice", "kind", "--slice", "kind"])
        }
    }

    @Test("where scores are equal, the label beside them is the answer")
    func tiedScores() throws {
        try Command.with { command in
            try command.writeAnswers()
            let lines = (0..<12).map { row in
                #"{"id":"r\#(row)","label":"\#(row % 2 == 0 ? "a" : "b")","scores":{"a":0.5,"b":0.5}}"#
            }
            try command.write(lines.joined(separator: "\n"), to: "new.jsonl")
            try command.expect(0, from: Command.eval + ["--gate", "accuracy >= 1", "--gate", "agreement >= 1"])
        }
    }

    @Test("numbers that are too far to be compared, and rows of one class, are refused with their place")
    func farLabels() throws {
        try Command.with { command in
            try command.write("id,text,label\nr0,t,1\nr1,t,1e300\n", to: "rows.csv")
            for name in ["old", "new"] {
                try command.write("{\"id\":\"r0\",\"value\":1}\n{\"id\":\"r1\",\"value\":2}\n", to: "\(name).jsonl")
            }
            try command.expect(2, "rows.csv:3: label: found '1e300'", from: Command.eval)
            try command.write("id,text,label\nr0,t,a\nr1,t,a\n", to: "rows.csv")
            for name in ["old", "new"] {
                try command.write(
                    "{\"id\":\"r0\",\"label\":\"a\"}\n{\"id\":\"r1\",\"label\":\"a\"}\n", to: "\(name).jsonl")
            }
            try command.expect(2, "there is one class, a", from: Command.eval)
            try command.write("id,text,label,length\nr0,t,a,x\nr1,t,a,y\n", to: "rows.csv")
            try command.expect(2, "rows.csv: length: ", from: Command.eval + ["--slice", "length"])
            try command.write("id,text\nr0,t\n", to: "rows.csv")
            for name in ["old", "new"] {
                try command.write(#"{"id":"r0","embedding":[1,2]}"#, to: "\(name).jsonl")
            }
            try command.expect(2, "rows.csv: there is one row", from: Command.eval)
            #expect(mkfifo(command.folder.appendingPathComponent("pipe").path, 0o600) == 0)
            try command.expect(2, "pipe: neither a model directory", from: ["eval", "pipe", "--data", "rows.csv"])
        }
    }

    @Test("recorded scores that are no probabilities, and labels against them, are refused with line and field")
    func contradictions() throws {
        try Command.with { command in
            try command.writeAnswers()
            let good = try String(contentsOf: command.folder.appendingPathComponent("new.jsonl"), encoding: .utf8)
                .split(separator: "\n").map(String.init)
            for (line, words) in [
                (#"{"id":"r2","scores":{"a":0.8,"b":0.8}}"#, "new.jsonl:3: scores: they add up to 1.6"),
                (#"{"id":"r2","scores":{"a":-0.2,"b":1.2}}"#, "new.jsonl:3: scores: -0.2 of a is no probability"),
                (#"{"id":"r2","label":"a","scores":{"a":0.2,"b":0.8}}"#, "new.jsonl:3: label: \"a\" has the score 0.2"),
                (#"{"id":"r2","label":"c","scores":{"a":0.2,"b":0.8}}"#, "new.jsonl:3: label: \"c\" is none"),
                (
                    #"{"id":"r2","scores":{"a":0.2,"c":0.8}}"#,
                    "new.jsonl:3: scores: its classes are not those of line 1"
                ),
                (#"{"id":"r2","label":"a"}"#, "new.jsonl:3: scores: the answer to \"r2\" has none"),
                (#"{"id":"r2","label":"a","prompt_tokens":-4}"#, "new.jsonl:3: prompt_tokens: "),
            ] {
                var lines = good
                lines[2] = line
                try command.write(lines.joined(separator: "\n"), to: "new.jsonl")
                try command.expect(2, words, from: Command.eval)
            }
            let logits = (0..<12).map {
                #"{"id":"r\#($0)","label":"\#($0 % 2 == 0 ? "a" : "b")","logits":[1,\#($0 == 5 ? 0 : $0 % 2 * 2)]}"#
            }
            try command.write(logits.joined(separator: "\n"), to: "new.jsonl")
            try command.expect(
                2, "new.jsonl:6: label: \"b\" is not the class of the largest logit, a", from: Command.eval)
        }
    }

    @Test("price tables are read whole, and costs that are not known are said")
    func prices() throws {
        try Command.with { command in
            try command.write("id,prompt\n" + (0..<4).map { "r\($0),p\n" }.joined(), to: "prompts.csv")
            func write(_ name: String, lacking: Set<Int>) throws {
                let lines = (0..<4).map {
                    #"{"id":"r\#($0)","text":"t"\#(lacking.contains($0) ? "" : #","prompt_tokens":5,"completion_tokens":6"#)}"#
                }
                try command.write(lines.joined(separator: "\n"), to: "\(name).jsonl")
            }
            try write("old", lacking: [])
            try write("new", lacking: [2])
            for (table, words) in [
                ("old,1,1\nnew,1,1\nold,2,2\n", "prices.csv:4: version: old stands in line 2 too"),
                ("old,1,1\nnew,-1,1\n", "prices.csv:3: input: found '-1'"),
                ("old,1,1\nnew,1,1\ngpt,1,1\n", "prices.csv:4: version: found 'gpt'"),
            ] {
                try command.write("version,input,output\n" + table, to: "prices.csv")
                try command.expect(2, words, from: Command.compare + ["--prices", "prices.csv"])
            }
            try command.write("version,input,output\nold,1,1\nnew,1,1\n", to: "prices.csv")
            let partly = try command.start(Command.compare + ["--prices", "prices.csv"]).finish()
            #expect(partly.status == 0 && partly.output.contains("of 0 old and 1 new answers"), "\(partly.output)")
            try write("new", lacking: [0, 1, 2, 3])
            try command.expect(
                2, "new.jsonl: --prices: none of its answers", from: Command.compare + ["--prices", "prices.csv"])
        }
    }

    @Test("which columns there are is told by all records of jsonl, and a column that was named must be there")
    func optionalColumns() throws {
        try Command.with { command in
            try command.writeAnswers(rows: 3)
            try command.write(
                #"{"id":"r0","prompt":"p"}"# + "\n"
                    + #"{"id":"r1","prompt":"p","priority":"high","expected_output":"b"}"#
                    + "\n" + #"{"id":"r2","prompt":"p","priority":null}"# + "\n", to: "prompts.jsonl")
            let arguments = ["compare", "old.jsonl", "new.jsonl", "--data", "prompts.jsonl"]
            let found = try command.start(arguments + ["--gate", "high: pass_rate >= 1"]).finish()
            #expect(found.status == 0 && found.output.contains("high"), "\(found.errors)")
            try command.expect(0, from: arguments + ["--expected", "expected_output"])
            try command.expect(2, "answer: there is no such column", from: arguments + ["--expected", "answer"])
            try command.write(
                #"{"prompt":"p"}"# + "\n" + #"{"id":"r1","prompt":"p"}"# + "\n", to: "prompts.jsonl")
            try command.expect(2, "prompts.jsonl:1: id: the row lacks it", from: arguments)
        }
    }

    @Test("eval shows the slices that were asked for")
    func slices() throws {
        try Command.with { command in
            try command.writeAnswers()
            let result = try command.start(Command.eval + ["--slice", "kind"]).finish()
            let lines = result.output.split(separator: "\n").map(String.init)
            let head = try #require(lines.firstIndex { $0.hasPrefix("kind ") }, "\(result.output)\(result.errors)")
            #expect(lines[(head + 1)...].prefix(3).map { $0.prefix(2) } == ["k0", "k1", "k2"])
            #expect(lines[head].contains("Difference") && lines[head + 1].contains("100.0%"))
        }
    }

    @Test("a model that cannot be loaded is told in full, however long the message")
    func longMessage() throws {
        try LetterModel.with { command in
            let type = String(repeating: "x", count: 200_000)
            try command.write(#"{"model_type": "\#(type)"}"#, to: "model/config.json")
            let result = try command.run("bench", "model")
            #expect(result.status == 2 && result.errors.contains("model_type"), "\(result.errors.prefix(300))")
        }
    }

    @Test("compare holds meanings to each other with a sentence-embedding model")
    func meanings() throws {
        try Command.with { command in
            let folder = command.folder.appendingPathComponent("embedder")
            try FileManager.default.copyItem(
                at: LetterModel.golden.deletingLastPathComponent().appendingPathComponent("encoders/bert-embedding"),
                to: folder)
            try command.write(
                "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nred\nblue\ncat\ndog\nand\na\n##s\n", to: "embedder/vocab.txt")
            try command.write(#"{"do_lower_case": true}"#, to: "embedder/tokenizer_config.json")
            try command.write(
                "id,prompt,expected_output,similarity_threshold\n1,p,the cat,0.999999\n2,p,the cat,-1\n3,p,,0.999999\n",
                to: "prompts.csv")
            try command.write(
                [#"{"id":"1","text":"the cat"}"#, #"{"id":"2","text":"red dog"}"#, #"{"id":"3","text":"A CAT"}"#]
                    .joined(separator: "\n"), to: "old.jsonl")
            try command.write(
                [
                    #"{"id":"1","text":"blue dog and cats"}"#, #"{"id":"2","text":"blue"}"#,
                    #"{"id":"3","text":"a cat"}"#,
                ]
                .joined(separator: "\n"), to: "new.jsonl")
            let result = try command.start(Command.compare + ["--embedder", "embedder", "--output", "out"]).finish()
            #expect(result.status == 0 && result.output.contains("similarity: "), "\(result.errors)")
            let lines = try String(
                contentsOf: command.folder.appendingPathComponent("out/verdicts.jsonl"), encoding: .utf8)
            let rows = try lines.split(separator: "\n").map {
                try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            // By letters: no two rows of the third are equal; by meaning, of a model without capitals, they are.
            #expect(rows.map { $0["verdict"] as? String } == ["regressed", "equivalent", "equivalent"])
            let cosines = rows.map { ($0["new"] as? [String: Any])?["similarity"] as? Double ?? 9 }
            #expect(cosines[0] < 0.999 && abs(cosines[2] - 1) < 1e-6 && cosines.allSatisfy { abs($0) <= 1 + 1e-9 })
        }
    }
}
