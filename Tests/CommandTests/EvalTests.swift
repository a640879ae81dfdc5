import Foundation
import Testing

@Suite("eval, whatever a model is for")
struct EvalTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/encoders")
    private static let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "blue", "cat", "dog", "and", "a", "##s",
    ]

    private func with(_ name: String, _ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let model = command.folder.appendingPathComponent("model")
        try FileManager.default.copyItem(at: Self.golden.appendingPathComponent(name), to: model)
        try command.write(Self.words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
        try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
        try body(command)
    }

    private func texts(_ count: Int) -> [String] {
        (0..<count).map { row -> String in
            let words: [String] = (0...(row % 7)).map { (place: Int) -> String in
                Self.words[5 + (row * 5 + place * 3) % 7]
            }
            return words.joined(separator: " ")
        }
    }

    private func report(_ command: Command, _ arguments: String..., status: Int32 = 0) throws -> [String: Any] {
        let result = try command.start(["eval"] + arguments + ["--json", "--queries", "0"]).finish()
        #expect(result.status == status, "\(result.errors)")
        return try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result.errors)")
    }

    private func same(_ a: Any?, _ b: Any?) -> Bool { (a as? NSObject) == (b as? NSObject) && a != nil }

    private func rows(_ texts: [String], _ labels: [String], _ order: [Int]) -> String {
        order.map { #"{"id": "r\#($0)", "text": "\#(texts[$0])", "label": "\#(labels[$0])"}"# + "\n" }.joined()
    }

    @Test("batch size and order change no number of a classifier; its own recorded answers agree with it")
    func classifier() throws {
        try with("bert-classification") { command in
            let texts = texts(90)
            let predicted = try command.run("predict", "model", "--logits", input: texts.joined(separator: "\n") + "\n")
            let answers = try predicted.output.split(separator: "\n").enumerated().map { row, line in
                var answer = try #require(
                    JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
                answer["id"] = "r\(row)"
                return answer
            }
            let labels = answers.map { $0["label"] as? String ?? "" }
            let lines = try answers.map {
                String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
            }
            try command.write(lines.joined(separator: "\n"), to: "answers.jsonl")
            try command.write(rows(texts, labels, Array(0..<90)), to: "rows.jsonl")
            try command.write(rows(texts, labels, Array((0..<90).reversed())), to: "reversed.jsonl")
            let first = try report(command, "model", "--against", "answers.jsonl", "--data", "rows.jsonl")
            let metrics =
                ((first["models"] as? [String: Any])?["model"] as? [String: Any])?["metrics"] as? [String: Any]
            #expect(metrics?["accuracy"] as? Double == 1)
            let pair = try #require((first["pairs"] as? [[String: Any]])?.first)
            #expect(pair["agreement"] as? Double == 1)
            #expect(try #require(pair["kl_mean"] as? Double) < 1e-9)
            for (data, batch) in [("rows.jsonl", "1"), ("reversed.jsonl", "7"), ("reversed.jsonl", "64")] {
                let other = try report(
                    command, "model", "--against", "answers.jsonl", "--data", data, "--batch", batch)
                for key in ["models", "pairs", "slices"] {
                    #expect(same(first[key], other[key]), "\(key) with \(data), batches of \(batch)")
                }
            }
        }
    }

    @Test("a regression is judged by numbers, an embedding by another one")
    func values() throws {
        try with("bert-regression") { command in
            let texts = texts(30)
            try command.write(rows(texts, texts.map { "\($0.count)" }, Array(0..<30)), to: "rows.jsonl")
            let found = try report(
                command, "model", "--against", "model", "--data", "rows.jsonl", "--gate", "rmse <= teacher")
            let pair = try #require((found["pairs"] as? [[String: Any]])?.first)
            let errors = try #require(pair["errors"] as? [String: Any])
            #expect(errors["wilcoxon_p"] as? Double == 1 && errors["rows"] as? Int == 30)
            #expect(found["passed"] as? Bool == true)
        }
        try with("bert-embedding") { command in
            try command.write(rows(texts(30), texts(30), Array(0..<30)), to: "rows.jsonl")
            let found = try report(command, "model", "--against", "model", "--data", "rows.jsonl")
            let pair = try #require((found["pairs"] as? [[String: Any]])?.first)
            let similarity = (pair["metrics"] as? [String: [String: Double]])?["similarity"]
            #expect(similarity?["value"].map { abs($0 - 1) < 1e-9 } == true)
            let alone = try command.run("eval", "model", "--data", "rows.jsonl")
            #expect(alone.status == 2 && alone.errors.contains("--against"))
        }
    }

    @Test("a decoder is judged by how likely it finds texts, or by what it writes")
    func decoder() throws {
        try LetterModel.with { command in
            let lines = ["abc def", "fed cba", "a b c d e f", "hijklmnop"]
            try command.write(rows(lines, lines, [0, 1, 2, 3]), to: "rows.jsonl")
            let likely = try report(command, "model", "--against", "model", "--data", "rows.jsonl")
            let pair = try #require((likely["pairs"] as? [[String: Any]])?.first)
            let metrics = try #require(pair["metrics"] as? [String: [String: Double]])
            #expect(metrics["agreement"]?["value"] == 1)
            #expect(try #require(metrics["kl_mean"]?["value"]) < 1e-6)
            // Most texts have one token, so that many resamples would have none to predict.
            let short = ["abc def"] + [String](repeating: "a", count: 19)
            try command.write(rows(short, short, Array(0..<20)), to: "short.jsonl")
            let few = try report(command, "model", "--data", "short.jsonl")
            let alone =
                (few["models"] as? [String: [String: Any]])?.values.first?["metrics"] as? [String: [String: Double]]
            #expect(try #require(alone?["perplexity"]?["low"]).isFinite)
            // No prompt is answered before all can be.
            try command.write(
                rows(["ab", String(repeating: "ab ", count: 60)], ["a", "b"], [0, 1]), to: "long.jsonl")
            let long = try command.run("eval", "model", "--data", "long.jsonl", "--generate")
            #expect(long.status == 2 && long.errors.contains("long.jsonl:2"), "\(long.errors)")
            let written = try report(
                command, "model", "--data", "rows.jsonl", "--generate", "--max-tokens", "5", "--gate",
                "exact_match >= 0.9", status: 1)
            #expect((written["failing_rows"] as? [String])?.count == 4)
        }
    }

    @Test("a decoder whose tokenizer has more tokens than its table has rows is refused")
    func wrongTokenizer() throws {
        try LetterModel.with { command in
            let file = command.folder.appendingPathComponent("model/tokenizer.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try command.write(text.replacing("\"v\":22", with: "\"v\":22,\"w\":23"), to: "model/tokenizer.json")
            try command.write(rows(["wow"], ["w"], [0]), to: "rows.jsonl")
            for arguments in [
                ["eval", "model", "--data", "rows.jsonl"], ["label", "model", "--data", "rows.jsonl", "--output", "t"],
            ] {
                let result = try command.start(arguments).finish()
                #expect(result.status == 2 && result.errors.contains("the tokenizer has 24 tokens"), "\(result.errors)")
            }
        }
    }

    @Test("sides of different kinds are refused in words")
    func refusals() throws {
        try with("bert-regression") { command in
            try command.write(rows(["the cat"], ["1"], [0]), to: "rows.jsonl")
            try command.write(#"{"id": "r0", "label": "1"}"#, to: "answers.jsonl")
            let kinds = try command.run("eval", "model", "--against", "answers.jsonl", "--data", "rows.jsonl")
            #expect(kinds.status == 2 && kinds.errors.contains("classes and number"), "\(kinds.errors)")
        }
    }

    @Test(
        "recorded numbers beyond what can be compared are refused with their line and field, as is a report onto itself"
    )
    func absurdNumbers() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try command.write("id,text,label\n" + (0..<6).map { "\($0),word,\($0)\n" }.joined(), to: "rows.csv")
        func write(_ line: (Int) -> String, to name: String) throws {
            try command.write((0..<6).map { "{\"id\": \"\($0)\", \(line($0))}\n" }.joined(), to: name)
        }
        try write({ "\"value\": \($0)" }, to: "values.jsonl")
        try write({ "\"value\": \($0 == 2 ? "1e300" : "1")" }, to: "far.jsonl")
        try write({ "\"embedding\": [1, \($0 + 1)]" }, to: "vectors.jsonl")
        try write({ "\"embedding\": [1, \($0 == 3 ? "1e40" : "2")]" }, to: "far-vectors.jsonl")
        for (old, new, place) in [
            ("values", "far", "far.jsonl:3: value"), ("vectors", "far-vectors", "far-vectors.jsonl:4: embedding"),
        ] {
            let result = try command.start(["eval", "\(new).jsonl", "--against", "\(old).jsonl", "--data", "rows.csv"])
                .finish()
            #expect(result.status == 2 && result.errors.contains(place), "\(result.errors)")
        }
        #expect(try command.run("report", "here", "--output", "./here").status == 64)
        #expect(try command.run("report", "here", "--output", "").status == 64)
    }
}
