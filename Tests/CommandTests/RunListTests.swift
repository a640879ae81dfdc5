import Foundation
import Testing

/// What is known of runs without touching them.
@Suite("Runs, listed and explained", .serialized)
struct RunListTests {
    private func lines(_ result: Command.Result) -> [String] {
        #expect(result.status == 0, "\(result.errors)")
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test("Finished, interrupted, half-written, damaged and foreign folders are each listed for what they are")
    func listing() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        #expect(try command.run("runs").status == 0)
        #expect(try command.run("runs", "absent").status == 2)
        #expect(try command.run("run", "tiny.yaml").status == 0)
        let gate = "evaluate.gates={accuracy: \">= 1.5*teacher\"}"
        #expect(try command.run("run", "tiny.yaml", "name=failing", gate).status == 1)
        #expect(try command.run("train", "tiny.yaml", "name=part").status == 0)
        func write(_ text: String, _ name: String) throws {
            let url = command.folder.appendingPathComponent("runs/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try write("schema: 1\n", "half/recipe.yaml")
        try write("schema: 1\nname: \u{1B}[2J\n", "broken/resolved.yaml")
        try write("", "foreign\u{1B}[2J/file")
        let before = try command.contents
        let result = try command.run("runs")
        let table = lines(result)
        #expect(!result.output.contains("\u{1B}") && !result.errors.contains("\u{1B}"))
        #expect(table.count == 7)
        func row(_ name: String) throws -> String { try #require(table.first { $0.hasPrefix(name) }, "\(table)") }
        #expect(try row("tiny-").contains("  finished  ") && row("tiny-").contains("int8 accuracy "))
        #expect(try row("failing-").contains("finished, a gate failed"))
        #expect(try row("part-").contains("interrupted in prune"))
        #expect(try row("half").contains("damaged"))
        #expect(try row("broken").contains("damaged"))
        #expect(try row("foreign").contains("not a run"))
        #expect(result.errors.contains("half: it was stopped before it began"))
        #expect(result.errors.contains("next: retort resume runs/part-"))
        #expect(try command.contents == before)

        let object = try JSONSerialization.jsonObject(with: Data(command.run("runs", "--json").output.utf8))
        let runs = try #require((object as? [String: Any])?["runs"] as? [[String: Any]])
        let states = runs.compactMap { $0["state"] as? String }
        #expect(states == ["damaged", "failed_gates", "foreign", "damaged", "interrupted", "finished"])
        let tiny = try #require(runs.last)
        #expect((tiny["metrics"] as? [String: Double])?.keys.sorted() == ["accuracy"])
        let sizes = try TinyRunFolder.bytes(
            at: command.folder.appendingPathComponent(#require(tiny["path"] as? String)))
        #expect(tiny["bytes"] as? Int == sizes)
    }

    @Test("Each stage's reason to run is named, nothing is written, and a run does what was explained")
    func explanation() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let new = lines(try command.run("run", "tiny.yaml", "--explain"))
        #expect(new.count == 9 && new.allSatisfy { $0.contains("would run: a new run has nothing yet") })
        #expect(try !command.contents.contains("runs"))

        #expect(try command.run("run", "tiny.yaml").status == 0)
        let run = TinyRun(command)
        let explain = { lines(try command.run("resume", run.path, "--explain")) }
        #expect(try explain().allSatisfy { $0.contains("  finished: ") })

        // Another share of heads, a file that is gone, and the data as it was.
        let recipe = try run.file("resolved.yaml")
        let text = try String(contentsOf: recipe, encoding: .utf8)
        try text.replacing("    keep: 0.5", with: "    keep: 0.75").write(to: recipe, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(at: run.file("models/int8/config.json"))
        let before = try run.contents()
        let stages = try explain()
        #expect(try run.contents() == before)
        #expect(
            stages.map { $0.prefix { $0 != " " } } == [
                "tokenizer", "teacher", "label", "labels_only", "student", "prune", "quantize", "export", "evaluate",
            ])
        #expect(stages[0..<5].allSatisfy { $0.contains("finished: ") })
        #expect(stages[5].hasSuffix("would run: `prune` in the recipe changed"))
        #expect(stages[6].hasSuffix("would run: models/int8/config.json, which it made, is missing"))
        #expect(stages[7].hasSuffix("would run only if the result of `prune`, `quantize` comes out differently"))
        #expect(try lines(command.run("prune", run.path, "--explain")) == Array(stages[0..<6]))

        let resumed = try command.run("resume", run.path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        for stage in ["tokenizer", "teacher", "label", "labels_only", "student"] {
            #expect(resumed.errors.contains("] \(stage): finished before"))
        }
        #expect(try explain().allSatisfy { $0.contains("  finished: ") })

        // Other data: every stage that reads it.
        try command.write(TinyRecipe.rows(242, offset: 0), to: "train.csv")
        #expect(try explain()[0].hasSuffix("would run: the data changed"))
    }

    @Test("A state of an earlier version still tells what is finished; one of a later version is refused")
    func earlierState() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        #expect(try command.run("train", "tiny.yaml").status == 0)
        let run = TinyRun(command)
        let url = try run.file("state.json")
        func rewrite(schema: Int) throws {
            var object = try #require(
                JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
            object["schema"] = schema
            object["stages"] = (object["stages"] as? [String: [String: Any]])?
                .mapValues { $0.filter { $0.key != "parts" } }
            try JSONSerialization.data(withJSONObject: object).write(to: url)
        }
        try rewrite(schema: 1)
        let explain = { try command.run("train", run.path, "--explain") }
        #expect(lines(try explain()).allSatisfy { $0.contains("  finished: ") })
        let recipe = try run.file("resolved.yaml")
        let text = try String(contentsOf: recipe, encoding: .utf8)
        try text.replacing("  epochs: 4", with: "  epochs: 5").write(to: recipe, atomically: true, encoding: .utf8)
        #expect(lines(try explain()).last?.contains("did not record which") == true)
        try rewrite(schema: 3)
        #expect(try explain().status == 2)
        #expect(try explain().errors.contains("found version 3"))
    }
}

private enum TinyRunFolder {
    /// The size of all files in a folder.
    static func bytes(at url: URL) throws -> Int {
        let names = try #require(FileManager.default.enumerator(atPath: url.path)).compactMap { $0 as? String }
        return try names.reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: url.appendingPathComponent(name).path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + (attributes[.size] as? Int ?? 0)
        }
    }
}
