import Foundation
import Testing

@Suite("What eval, compare, cascade and report write is there whole or not at all")
struct ProofOutputTests {
    @Test(
        "a signal ends eval and cascade calibrate at once, with its code, and nothing is left of what they would write")
    func interruption() throws {
        try LetterModel.with { command in
            let classifier = command.folder.appendingPathComponent("classifier")
            try FileManager.default.copyItem(
                at: LetterModel.golden.deletingLastPathComponent().appendingPathComponent(
                    "encoders/bert-classification"),
                to: classifier)
            try command.write(
                "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nred\nblue\ncat\ndog\nand\na\n##s\n",
                to: "classifier/vocab.txt")
            try command.write(#"{"do_lower_case": true}"#, to: "classifier/tokenizer_config.json")
            let predicted = try command.run("predict", "classifier", input: "the cat\nred dog\nblue\nand\na cat\nthe\n")
            let texts = ["the cat", "red dog", "blue", "and", "a cat", "the"]
            let labels = try predicted.output.split(separator: "\n").map { line in
                try #require(
                    (JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["label"] as? String)
            }
            try command.write(
                "text,label\n" + zip(texts, labels).map { "\($0),\($1)\n" }.joined(), to: "rows.csv")
            let before = try command.contents
            let endless = ["--queries", "1000000"]
            let commands = [
                ["eval", "classifier", "--data", "rows.csv", "--output", "out"] + endless,
                ["cascade", "calibrate", "--student", "classifier", "--teacher", "classifier", "--data", "rows.csv"]
                    + ["--output", "out.json"] + endless,
            ]
            for (arguments, number) in zip(commands, [SIGINT, SIGTERM]) {
                let running = try command.start(arguments)
                let folder = "/proc/\(running.process.processIdentifier)"
                let (status, statistics) = ("\(folder)/status", "\(folder)/stat")
                /// Whether the program listens to its signals.
                func listens() -> Bool {
                    let text = (try? String(contentsOfFile: status, encoding: .utf8)) ?? ""
                    let mask = text.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
                    let bits = mask.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) }
                    return (bits ?? 0) & (1 << UInt64(SIGUSR1 - 1)) != 0
                }
                /// Whether it is at work: 20 ticks of processor time, of user code in `stat`'s 14th field.
                func works() -> Bool {
                    let text = (try? String(contentsOfFile: statistics, encoding: .utf8)) ?? ""
                    let fields = text.drop { $0 != ")" }.split(separator: " ").map(String.init)
                    return fields.count > 12 && Int(fields[12]) ?? 0 >= 20
                }
                while running.process.isRunning, !(listens() && works()) { usleep(1000) }
                kill(running.process.processIdentifier, number)
                let result = try running.finish()
                #expect(result.status == 128 + number, "\(arguments): \(result.errors)")
                #expect(try command.contents == before)
            }
        }
    }

    @Test("an output that cannot be made is told before the work, and neither inputs nor foreign files are overwritten")
    func outputs() throws {
        try Command.with { command in
            try command.writeAnswers()
            try command.write("id,prompt\n" + (0..<12).map { "r\($0),p\n" }.joined(), to: "prompts.csv")
            try command.write("mine", to: "blocked")
            for arguments in [Command.eval, Command.compare, ["report", "nowhere"], Command.cascade] {
                try command.expect(
                    2, "blocked/out: --output: ", "no directory", from: arguments + ["--output", "blocked/out"])
            }
            let before = try command.contents
            for output in ["rows.csv", "new.jsonl", "blocked"] {
                let content = try Data(contentsOf: command.folder.appendingPathComponent(output))
                try command.expect(2, output, from: Command.cascade + ["--output", output])
                #expect(try Data(contentsOf: command.folder.appendingPathComponent(output)) == content)
            }
            #expect(try command.contents == before)
            for _ in 0..<2 {
                try command.expect(
                    0, from: Command.cascade + ["--output", "made/cascade.json", "--html", "made/cascade.html"])
            }
            try command.expect(2, "blocked: --html", from: Command.cascade + ["--html", "blocked"])
            for (name, arguments) in [("samples.jsonl", Command.eval), ("verdicts.jsonl", Command.compare)] {
                try FileManager.default.createDirectory(
                    at: command.folder.appendingPathComponent("out"), withIntermediateDirectories: true)
                try command.write("mine", to: "out/\(name)")
                try command.expect(2, "out/\(name): --output: is there", from: arguments + ["--output", "out"])
                let kept = try String(contentsOf: command.folder.appendingPathComponent("out/\(name)"), encoding: .utf8)
                #expect(kept == "mine")
                try FileManager.default.removeItem(at: command.folder.appendingPathComponent("out"))
                for _ in 0..<2 { try command.expect(0, from: arguments + ["--output", "out"]) }
            }
            try command.expect(0, from: Command.eval + ["--output", "out"])
            let rows = try Data(contentsOf: command.folder.appendingPathComponent("out/samples.jsonl"))
            try command.expect(
                2, "out/samples.jsonl", "which is read",
                from: ["eval", "new.jsonl", "--data", "out/samples.jsonl", "--output", "out"])
            #expect(try Data(contentsOf: command.folder.appendingPathComponent("out/samples.jsonl")) == rows)
        }
    }

    @Test("files that may not grow leave no report.json without the rest")
    func fullDisk() throws {
        try Command.with { command in
            try command.writeAnswers(rows: 400) { "a text of some length, number \($0)".replacing(",", with: "") }
            let retort = Command.executable("retort").path
            let limited =
                ["-c", #"ulimit -f 40; exec "$0" "$@""#, retort] + Command.eval + ["--queries", "0", "--output", "out"]
            let result = try command.start(limited, program: "/bin/sh").finish()
            #expect(result.status == 2 && result.errors.contains("cannot write"), "\(result.errors)")
            let left = try? FileManager.default.contentsOfDirectory(
                atPath: command.folder.appendingPathComponent("out").path)
            #expect(left?.isEmpty ?? true, "\(left ?? [])")
        }
    }
}
