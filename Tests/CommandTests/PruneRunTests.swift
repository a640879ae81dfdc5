import Foundation
import Testing

@Suite("Pruning in a run")
struct PruneRunTests {
    @Test(
        "whole layers go before the rounds, whole blocks in them, against the model's own outputs; what is left exports"
    )
    func layers() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run(
            "run", "tiny.yaml", "prune.layers.keep=1", "prune.heads.min_heads=0", "prune.heads.keep=0.25",
            "prune.heads.criterion=fisher", "prune.heads.against=own_outputs", "prune.feed_forward.min_neurons=0",
            "quantize=null")
        #expect(result.status == 0, "\(result.errors)")
        let run = TinyRun(command)
        func lines(_ name: String) throws -> [[String]] {
            try String(contentsOf: try run.file(name), encoding: .utf8).split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
        }
        let layers = try lines("prune/layers.csv")
        #expect(layers.count == 3 && layers.count { $0.last == "yes" } == 1)
        #expect(try lines("prune/heads.csv").count == 5)
        let criteria = try lines("prune/criteria.csv")
        // Four heads by every criterion but Taylor's, which needs labels, and ablation, which is slow.
        #expect(criteria.count == 1 + 5 * 4 && !criteria.contains { $0[0] == "taylor" || $0[0] == "ablation" })
        #expect(criteria.count { $0.last == "yes" } == 5 * 3)
        let neurons = try lines("prune/neurons.csv")
        #expect(neurons.count == 1 + 32 && neurons.count { $0[5] == "yes" } == 24)
        let configuration = try JSONSerialization.jsonObject(
            with: Data(contentsOf: try run.file("export/config.json")))
        let sizes = try #require(configuration as? [String: Any])
        #expect(sizes["layer_attention_heads"] as? [Int] == [1])
        #expect(FileManager.default.fileExists(atPath: try run.file("export/model.onnx").path))
        let again = try command.run("resume", try run.path)
        #expect(again.status == 0 && again.errors.contains("prune: finished before"), "\(again.errors)")
    }

    private func tokens(_ run: TinyRun, _ model: String) throws -> [String] {
        try String(contentsOf: try run.file("models/\(model)/vocab.txt"), encoding: .utf8).split(separator: "\n")
            .map(String.init)
    }

    @Test("tokens that no training row uses go, and what is left is rounded, exported, told of and answers")
    func vocabulary() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let options = ["prune.vocabulary=true", "tokenizer.vocabulary=100"]
        let checked = try command.start(["check", "tiny.yaml"] + options).finish()
        #expect(checked.status == 0 && checked.output.contains("of which pruning keeps"), "\(checked.errors)")
        let result = try command.start(["run", "tiny.yaml"] + options).finish()
        #expect(result.status == 0, "\(result.errors)")
        let run = TinyRun(command)
        let (whole, kept) = (try tokens(run, "student"), try tokens(run, "pruned"))
        #expect(kept.count < whole.count && Set(kept).isSubset(of: whole))
        #expect(checked.output.contains("\(whole.count) word pieces, of which pruning keeps \(kept.count)"))
        #expect(result.errors.contains("\(kept.count) of \(whole.count) tokens"), "\(result.errors)")
        #expect(try tokens(run, "int8") == kept)
        let report = try String(contentsOf: run.file("report/report.json"), encoding: .utf8)
        #expect(report.contains("\(whole.count - kept.count) of \(whole.count) tokens, which no training row uses"))
        for file in ["models/int8", "export"] {
            let answer = try command.run("predict", try run.path + "/" + file, input: "the xylophone, no. 999999\n")
            #expect(answer.status == 0 && answer.output.contains("label"), "\(answer.errors)")
        }
        let again = try command.run("resume", try run.path)
        #expect(again.status == 0 && again.errors.contains("quantize: finished before"), "\(again.errors)")
        // The INT8 model is not what is pruned further, but what it was made of.
        let further = try command.run(
            "prune", try run.path, "--data", "train.csv", "--label", "label", "--keep", "0.5", "--queries", "2",
            "--output", "further")
        #expect(further.status == 0, "\(further.errors)")
        let left = try String(
            contentsOf: command.folder.appendingPathComponent("further/vocab.txt"), encoding: .utf8)
        #expect(left.split(separator: "\n").map(String.init) == kept)
    }

    @Test(
        "training rows are answered as before, whatever their tokens are called now", arguments: ["recorded", "live"])
    func renamed(_ source: String) throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run(
            "quantize", "tiny.yaml", "prune.vocabulary=true", "prune.heads.keep=1", "prune.heads.rounds=1",
            "prune.heads.recover_steps=0", "prune.feed_forward=null", "tokenizer.vocabulary=100",
            "teacher.targets.source=\(source)")
        #expect(result.status == 0, "\(result.errors)")
        let run = TinyRun(command)
        let texts = "the red and the blue, no. 12\nthe cat and the horse, no. 100\n"
        let answers = try ["student", "pruned"].map {
            try command.run("predict", try run.path + "/models/" + $0, "--logits", input: texts).output
        }
        #expect(answers[0] == answers[1] && answers[0].contains("logits"))
    }

    @Test("a tokenizer whose vocabulary cannot be pruned is refused at the line that asks, before anything is trained")
    func strangeTokenizer() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try FileManager.default.createDirectory(
            at: command.folder.appendingPathComponent("bpe"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: LetterModel.golden.deletingLastPathComponent().appendingPathComponent("pipelines/roberta.json"),
            to: command.folder.appendingPathComponent("bpe/tokenizer.json"))
        try command.write(
            TinyRecipe.yaml.replacing(
                "tokenizer: {vocabulary: 120, minimum_frequency: 1}", with: "tokenizer: {directory: bpe}"
            )
            .replacing("prune:\n", with: "prune:\n  vocabulary: true\n"), to: "other.yaml")
        for arguments in [["check", "other.yaml"], ["run", "other.yaml"]] {
            let result = try command.start(arguments).finish()
            #expect(result.status == 2 && result.errors.contains("prune.vocabulary: the tokenizer"), "\(result.errors)")
            #expect(result.errors.contains("other.yaml:") && !result.errors.contains("teacher: "), "\(result.errors)")
        }
    }

    @Test("a run killed between the rounds goes on where it was, to the same bytes")
    func resumes() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let options = ["prune.layers.keep=1", "prune.heads.recover_steps=60", "prune.heads.rounds=2"]
        let whole = try command.start(["prune", "tiny.yaml", "run.directory=whole"] + options).finish()
        #expect(whole.status == 0, "\(whole.errors)")
        let running = try command.start(["prune", "tiny.yaml", "run.directory=cut"] + options)
        let cut = TinyRun(command, "cut")
        cut.wait(for: 5, of: "prune-1", in: running)
        running.process.interrupt()
        #expect(try running.finish().status == 130)
        let resumed = try command.run("prune", try cut.path)
        #expect(resumed.status == 0 && resumed.errors.contains("going on after round 0"), "\(resumed.errors)")
        let expected = TinyRun(command, "whole")
        for name in ["models/pruned/model.safetensors", "prune/heads.csv", "prune/criteria.csv", "prune/layers.csv"] {
            #expect(try Data(contentsOf: cut.file(name)) == Data(contentsOf: expected.file(name)), "\(name)")
        }
    }

    @Test("the last round may be recovered from for longer than the others")
    func lastRound() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run(
            "prune", "tiny.yaml", "prune.heads.recover_steps=2", "prune.heads.last_recover_steps=5")
        #expect(result.status == 0, "\(result.errors)")
        let metrics = try String(contentsOf: TinyRun(command).file("metrics.jsonl"), encoding: .utf8)
        let steps = metrics.split(separator: "\n")
        for (stage, count) in [("prune-1", 2), ("prune-2", 5)] {
            #expect(steps.count { $0.contains("\"stage\":\"\(stage)\"") } == count, "\(stage)")
        }
    }
}
