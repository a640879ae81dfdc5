import Foundation
import Testing

@Suite("Bad input is refused with exit code 2, all problems named, nothing written")
struct BadInputTests {
    /// Runs `retort run` on a changed recipe or changed data, and checks that it left nothing behind.
    private func refused(_ change: (Command) throws -> Void) throws -> String {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try change(command)
        let before = try command.contents
        let result = try command.run("run", "tiny.yaml")
        #expect(result.status == 2, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(try command.contents == before)
        return result.errors
    }

    private func replace(_ text: String, by other: String, in command: Command) throws {
        #expect(TinyRecipe.yaml.contains(text))
        try command.write(TinyRecipe.yaml.replacingOccurrences(of: text, with: other), to: "tiny.yaml")
    }

    @Test("A typo in a key: line, and the nearest key")
    func typo() throws {
        let errors = try refused { try replace("temperature: 2", by: "temprature: 2", in: $0) }
        #expect(errors.contains("tiny.yaml:12"))
        #expect(errors.contains("temperature"))
    }

    @Test("A missing file: the recipe's line and the path")
    func missingFile() throws {
        let errors = try refused { try replace("test: test.csv", by: "test: tset.csv", in: $0) }
        #expect(errors.contains("tiny.yaml:5"))
        #expect(errors.contains("tset.csv"))
    }

    @Test("A pattern without a match, and a damaged shard: what there is, and which shard")
    func shards() throws {
        let none = try refused { try replace("test: test.csv", by: "test: 'tset-*.csv'", in: $0) }
        #expect(none.contains("tiny.yaml:5"))
        #expect(none.contains("tset-*.csv: no file matches"))
        #expect(none.contains("there is test.csv"))
        let damaged = try refused {
            try replace("test: test.csv", by: "test: 'test*.csv.gz'", in: $0)
            try Data([0x1F, 0x8B, 8, 0]).write(to: $0.folder.appendingPathComponent("test-1.csv.gz"))
        }
        #expect(damaged.contains("test-1.csv.gz: damaged"))
    }

    @Test("An unknown label: the file's line and the known labels")
    func unknownLabel() throws {
        let errors = try refused {
            try $0.write(TinyRecipe.rows(10, offset: 0) + "some text,colur\n", to: "validation.csv")
        }
        #expect(errors.contains("validation.csv:12"))
        #expect(errors.contains("colur"))
        #expect(errors.contains("did you mean colour?"))
    }

    @Test("An empty split")
    func emptySplit() throws {
        let errors = try refused { try $0.write("text,label\n", to: "test.csv") }
        #expect(errors.contains("test.csv"))
        #expect(errors.contains("no records"))
    }

    @Test("A row without text: its line")
    func rowWithoutText() throws {
        let errors = try refused {
            try $0.write(TinyRecipe.rows(3, offset: 0) + "  ,colour\n", to: "train.csv")
        }
        #expect(errors.contains("train.csv:5"))
        #expect(errors.contains("no text"))
    }

    @Test("Several problems come at once")
    func several() throws {
        let errors = try refused {
            try $0.write("text,label\n", to: "test.csv")
            try $0.write(TinyRecipe.rows(3, offset: 0) + "some text,nothing\n", to: "validation.csv")
        }
        #expect(errors.contains("2 problems"))
        #expect(errors.contains("test.csv"))
        #expect(errors.contains("validation.csv:5"))
    }

    @Test("A model directory that is none, and a run directory that is none")
    func noModel() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        #expect(try command.run("predict", "nowhere", input: "text\n").status == 2)
        #expect(try command.run("resume", "nowhere").status == 2)
        #expect(try command.run("no-such-command").status == 64)
    }

    @Test("A second process in a run directory exits 75 and names the first")
    func lockedRun() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let running = try command.start(["train", "tiny.yaml", "train.epochs=2000"])
        let runs = command.folder.appendingPathComponent("runs")
        func lock() -> String? {
            guard let run = try? FileManager.default.contentsOfDirectory(atPath: runs.path).first else { return nil }
            let held = try? String(contentsOf: runs.appendingPathComponent("\(run)/lock"), encoding: .utf8)
            return held?.isEmpty == false ? "runs/\(run)" : nil
        }
        while running.process.isRunning, lock() == nil { sched_yield() }
        let second = try command.run("resume", try #require(lock()))
        #expect(second.status == 75)
        #expect(second.errors.contains("\(running.process.processIdentifier)"))
        running.process.interrupt()
        #expect(try running.finish().status == 130)
    }

    @Test("Escape sequences in a file's names do not reach a terminal raw, nor forge lines")
    func escapes() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let header =
            #"{"__metadata__":{"k\u001b]0;x\u0007":"\u009b2J"},"#
            + #""a\u001b[31m\n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        let length = String(UnicodeScalar(UInt8(header.utf8.count)))
        #expect(header.utf8.count < 128)
        try command.write(length + String(repeating: "\0", count: 7) + header + "\0\0\0\0", to: "m.safetensors")
        for arguments in [["inspect", "m.safetensors"], ["inspect", "m.safetensors", "--json"]] {
            let result = try command.start(arguments).finish()
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains(#"a\u001b[31m"#) && result.output.contains(#"\u009b2J"#))
            #expect(!result.output.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
        }
        let missing = try command.run("inspect", "no\u{1B}[31m")
        #expect(missing.errors.contains(#"no\u001b[31m"#))
    }
}
