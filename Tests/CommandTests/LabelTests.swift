import Foundation
import Testing

/// A tiny published decoder labels texts, through the program.
@Suite("label with a model")
struct LabelTests {
    private func withTexts(_ body: (Command) throws -> Void) throws {
        try LetterModel.with { command in
            try command.write(
                "a bad cab\n\nhad a fad\na bad cab\n" + String(repeating: "abc ", count: 9), to: "texts.txt")
            try body(command)
        }
    }

    private func label(_ command: Command, _ options: String...) throws -> Command.Result {
        try command.start(["label", "model", "--data", "texts.txt"] + options).finish()
    }

    private func object(_ result: Command.Result) throws -> [String: Any] {
        #expect(result.status == 0, "\(result.errors)")
        return try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }

    @Test("records each distinct text once, and finds it done the next time")
    func records() throws {
        try withTexts { command in
            let options = ["--output", "targets", "--keep", "4", "--temperature", "2", "--max-length", "16", "--json"]
            func run() throws -> [String: Any] {
                try object(command.start(["label", "model", "--data", "texts.txt"] + options).finish())
            }
            let first = try run()
            // Two short texts, one twice; the long one of 36 letters and blanks in windows of 16, the first two alike.
            #expect(first["rows"] as? Int == 4 && first["rows_found"] as? Int == 0)
            #expect(first["tokens"] as? Int == 9 + 9 + 16 + 4)
            #expect(try #require(first["mean_tail"] as? Double) > 0)
            let second = try run()
            #expect(second["rows_found"] as? Int == 4 && second["bytes"] as? Int == first["bytes"] as? Int)

            let inspected = try command.run("inspect", "targets/part-00000-of-00001.h5")
            #expect(inspected.output.contains("log_normalizers") && inspected.output.contains("--keep 4"))
            let merged = try command.run("label", "merge", "one.h5", "targets")
            #expect(merged.status == 0, "\(merged.errors)")
            #expect(try command.contents.contains("one.h5"))
        }
    }

    @Test("shows what each number of kept tokens leaves out, and writes nothing")
    func table() throws {
        try withTexts { command in
            let before = try command.contents
            let table = try object(label(command, "--choose-k", "--temperature", "2", "--max-length", "16", "--json"))
            let rows = try #require(table["rows"] as? [[String: Any]])
            #expect(rows.map { $0["kept"] as? Int } == [8, 16])
            #expect(try command.contents == before)
            let text = try label(command, "--choose-k", "--max-length", "16")
            #expect(text.output.contains("mean tail") && text.output.split(separator: "\n").count == 3)
        }
    }

    @Test("divides the work by shards that together are the whole")
    func shards() throws {
        try withTexts { command in
            for shard in ["1/2", "2/2"] {
                let result = try label(command, "--output", "shared", "--shard", shard, "--max-length", "16")
                #expect(result.status == 0, "\(result.errors)")
            }
            #expect(try command.run("label", "merge", "one.h5", "shared").status == 0)
        }
    }

    @Test(
        "says what is wrong with the options",
        arguments: [
            (["--keep", "4"], 64, "--output"), (["--output", "t", "--shard", "0/2"], 64, "--shard"),
            (["--output", "t", "--shard", "3/2"], 64, "--shard"),
            (["--output", "t", "--temperature", "0"], 64, "--temperature"),
            (["--output", "t", "--keep", "-1"], 64, "--keep"), (["--output", "t", "--dtype", "int8"], 64, "--dtype"),
            (["--output", "t", "--hidden", "9"], 2, "there is no layer 9"),
            (["--output", "t", "--attention", "1"], 2, "of encoders"),
            (["--output", "t", "--max-length", "100000"], 2, "--max-length"),
            (["--output", "t", "--text", "body"], 2, "body"),
        ])
    func options(_ options: [String], _ status: Int32, _ word: String) throws {
        try withTexts { command in
            let result = try command.start(["label", "model", "--data", "texts.txt"] + options).finish()
            #expect(result.status == status)
            #expect(result.errors.contains(word), "\(result.errors)")
            #expect(try !command.contents.contains("t"))
        }
    }

    @Test("refuses options of a model where a recipe stands, and recipe keys where a model stands")
    func mixed() throws {
        try withTexts { command in
            let recipe = try command.run("label", "recipe.yaml", "--keep", "4")
            #expect(recipe.status == 64 && recipe.errors.contains("--data"))
            let model = try label(command, "train.epochs=2", "--output", "t")
            #expect(model.status == 64 && model.errors.contains("train.epochs=2"))
            let none = try command.run("label", "merge", "one.h5", "nowhere")
            #expect(none.status == 2 && none.errors.contains("nowhere"))
        }
    }
}
