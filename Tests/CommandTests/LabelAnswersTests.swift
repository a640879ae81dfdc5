import Foundation
import Testing

/// The made-up answers of Tests/Answers, through the program.
@Suite("retort label answers, mix and check")
struct LabelAnswersTests {
    private static let answers = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Answers")
    private static let classes = [
        "--class", "negative=negative,Negative,\" negative\"", "--class", "positive=positive,Positive",
    ]

    /// A folder with the answers, their rows and a tokenizer.
    private func withAnswers(_ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        for name in ["chat.jsonl", "completions.jsonl", "batch.jsonl", "rows.csv"] {
            try FileManager.default.copyItem(
                at: Self.answers.appendingPathComponent(name), to: command.folder.appendingPathComponent(name))
        }
        try FileManager.default.createDirectory(
            at: command.folder.appendingPathComponent("model"), withIntermediateDirectories: false)
        try command.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ngood\nbad\nfilm\n", to: "model/vocab.txt")
        try body(command)
    }

    private func label(_ command: Command, _ answers: String, _ options: [String] = [], output: String = "targets.h5")
        throws -> Command.Result
    {
        try command.start(
            ["label", "answers", answers, "--data", "rows.csv", "--tokenizer", "model", "--output", output] + options
        ).finish()
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("make targets of answers, and say how much of the probability no class got")
    func classes() throws {
        try withAnswers { command in
            let result = try label(command, "chat.jsonl", Self.classes + ["--json"])
            #expect(result.status == 0, "\(result.errors)")
            let report = try object(result.output)
            #expect(report["rows"] as? Int == 6 && report["joined_by"] as? String == "order")
            #expect(report["classes"] as? [String] == ["negative", "positive"])
            let unmapped = try #require(report["unmapped"] as? [String: Any])
            #expect(abs((unmapped["mean"] as? Double ?? 0) - 0.8 / 6) < 1e-6)
            let checked = try command.run("label", "check", "targets.h5", "--tokenizer", "model")
            #expect(checked.status == 0, "\(checked.errors)")
            #expect(checked.output.contains("6 rows") && checked.output.contains("all 2 outcomes"))
            // The same classes from a table.
            try command.write(
                "positive: [positive, Positive]\nnegative: [negative, Negative, ' negative']\n", to: "table.yaml")
            let table = try label(command, "chat.jsonl", ["--classes", "table.yaml"], output: "other.h5")
            #expect(table.status == 0 && table.output.contains("by their order"), "\(table.errors)")
        }
    }

    @Test("refuse unusable answers with their places and write nothing, or leave their rows out on request")
    func badRows() throws {
        try withAnswers { command in
            let refused = try label(command, "batch.jsonl", Self.classes)
            #expect(refused.status == 2)
            for place in ["batch.jsonl:3", "batch.jsonl:6", "rows.csv:7", "Rate limit reached", "--on-bad-row skip"] {
                #expect(refused.errors.contains(place), "\(place): \(refused.errors)")
            }
            #expect(try !command.contents.contains("targets.h5"))
            let skipped = try label(command, "batch.jsonl", Self.classes + ["--on-bad-row", "skip"])
            #expect(skipped.status == 0 && skipped.errors.contains("batch.jsonl:3"), "\(skipped.errors)")
            #expect(skipped.output.contains("2 of 6 rows") && skipped.output.contains("refused 1"))
            // WordPiece does not keep a text's bytes.
            let tokens = try label(command, "chat.jsonl", ["--tokens", "--on-bad-row", "skip", "--force"])
            #expect(tokens.status == 2 && tokens.errors.contains("byte for byte"), "\(tokens.errors)")
            #expect(try label(command, "chat.jsonl", Self.classes + ["--tokens"]).status == 64)
            #expect(try label(command, "chat.jsonl").status == 64)
            #expect(try label(command, "chat.jsonl", ["--class", "a", "--class", "b=c"]).status == 64)
            #expect(try label(command, "chat.jsonl", Self.classes + ["--id", "key"], output: "other.h5").status == 2)
        }
    }

    @Test("mix recordings, weighted or by the most confident, and check what came of it")
    func mix() throws {
        try withAnswers { command in
            for (name, answers) in [("a.h5", "chat.jsonl"), ("b.h5", "completions.jsonl")] {
                #expect(try label(command, answers, Self.classes, output: name).status == 0)
            }
            let mixed = try command.run("label", "mix", "m.h5", "a.h5:3", "b.h5:1", "--json")
            #expect(mixed.status == 0, "\(mixed.errors)")
            let sources = try #require(try object(mixed.output)["sources"] as? [[String: Any]])
            #expect(sources.map { $0["weight"] as? Double } == [0.75, 0.25])
            #expect(try command.run("label", "mix", "c.h5", "a.h5", "b.h5", "--rule", "most_confident").status == 0)
            for name in ["m.h5", "c.h5"] { #expect(try command.run("label", "check", name).status == 0) }
            // The output comes first: who thinks that all are inputs loses none.
            let before = try Data(contentsOf: command.folder.appendingPathComponent("a.h5"))
            let taken = try command.run("label", "mix", "a.h5", "b.h5", "c.h5")
            #expect(taken.status == 2 && taken.errors.contains("is there already"), "\(taken.errors)")
            let itself = try command.run("label", "mix", "a.h5", "a.h5", "b.h5", "--force")
            #expect(itself.status == 2 && itself.errors.contains("which is read"), "\(itself.errors)")
            let again = try label(command, "chat.jsonl", Self.classes, output: "a.h5")
            #expect(again.status == 2 && again.errors.contains("--force to replace it"), "\(again.errors)")
            let data = try label(command, "chat.jsonl", Self.classes + ["--force"], output: "rows.csv")
            #expect(data.status == 2 && data.errors.contains("which is read"), "\(data.errors)")
            let words = try label(command, "chat.jsonl", Self.classes + ["--force"], output: "model/vocab.txt")
            #expect(words.status == 2 && words.errors.contains("which is read"), "\(words.errors)")
            #expect(try Data(contentsOf: command.folder.appendingPathComponent("a.h5")) == before)
            #expect(try command.run("label", "mix", "m.h5", "a.h5", "b.h5", "--force").status == 0)
            #expect(try command.run("label", "mix", "x.h5", "a.h5:3", "b.h5").status == 64)
            #expect(try command.run("label", "mix", "x.h5", "a.h5").status == 64)
            #expect(try command.run("label", "mix", "x.h5", "a.h5:-1", "b.h5:1").status == 64)
        }
    }

    @Test("check names the place of what is wrong, with exit code 2")
    func check() throws {
        try withAnswers { command in
            #expect(try label(command, "chat.jsonl", Self.classes).status == 0)
            // A smaller vocabulary is another tokenizer.
            try FileManager.default.createDirectory(
                at: command.folder.appendingPathComponent("small"), withIntermediateDirectories: false)
            try command.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", to: "small/vocab.txt")
            let other = try command.run("label", "check", "targets.h5", "--tokenizer", "small")
            #expect(other.status == 2 && other.errors.contains("tokenizer_sha256"))
            #expect(try command.run("label", "check", "rows.csv").status == 2)
            #expect(try command.run("label", "check", "nowhere.h5").status == 2)
        }
    }
}
