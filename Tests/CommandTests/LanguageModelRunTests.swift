import Foundation
import Testing

@Suite("A language model's recipe", .serialized)
struct LanguageModelRunTests {
    private static let yaml = """
        schema: 1
        name: letters
        task: language-model
        data: {train: "texts-*.csv", validation: validation.csv, test: test.jsonl, max_length: 16}
        teacher:
          model: model
          targets: {keep: 5, dtype: float32}
        student: {layers: 1, dropout: 0, initialize: teacher_layers}
        loss:
          cross_entropy: 0.5
          kl: {weight: 0.5, temperature: 2}
          features: {weight: 0.1, pairs: [[1, 2]]}
        train: {epochs: 2, batch: 4, learning_rate: 3.0e-3, precision: float32}
        export: [safetensors, gguf-q8_0]
        run: {checkpoint_every: 3}
        """

    private static func text(_ row: Int) -> String {
        (0..<5 + row % 7).map { String("abcdefghijklmnopqrstuv".dropFirst((row * 5 + $0 * $0) % 22).first!) }
            .joined(separator: row % 3 == 0 ? "" : " ")
    }

    private func with(_ body: (Command) throws -> Void) throws {
        try LetterModel.with { command in
            func csv(_ rows: Range<Int>) -> String { "text\n" + rows.map { Self.text($0) + "\n" }.joined() }
            try command.write(csv(0..<60), to: "texts-1.csv")
            try command.write(csv(60..<120), to: "texts-2.csv")
            try command.write(csv(120..<150), to: "validation.csv")
            try command.write(
                (150..<190).map { "{\"text\": \"\(Self.text($0))\"}\n" }.joined(), to: "test.jsonl")
            try command.write(Self.yaml, to: "letters.yaml")
            try body(command)
        }
    }

    private func run(of command: Command, in folder: String = "runs") throws -> URL {
        let runs = command.folder.appendingPathComponent(folder)
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        return runs.appendingPathComponent(name)
    }

    @Test("labels, distils, exports and judges; a second teacher that runs live gives the same student")
    func wholePath() throws {
        try with { command in
            let plan = try command.run("check", "letters.yaml", "--json")
            #expect(plan.status == 0, "\(plan.errors)")
            let planned = try JSONSerialization.jsonObject(with: Data(plan.output.utf8)) as? [String: Any]
            let result = try command.run("run", "letters.yaml")
            #expect(result.status == 0, "\(result.errors)")
            for model in ["Teacher", "Student, untrained", "Student, labels only", "Student, distilled"] {
                #expect(result.output.contains(model), "\(result.output)")
            }
            let run = try run(of: command)
            let data = try Data(contentsOf: run.appendingPathComponent("report/report.json"))
            let report = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(report["task"] as? String == "language-model")
            let pairs = try #require(report["pairs"] as? [[String: Any]])
            #expect(pairs.map { $0["b"] as? String } == ["truncated", "labels_only", "student"])
            let predicted = try command.run("predict", run.path, "--max-tokens", "3", input: "a b\n")
            #expect(predicted.status == 0 && predicted.output.contains("\"tokens\""), "\(predicted.errors)")

            let verified = try command.run("verify", "\(run.path)/export")
            #expect(verified.status == 0 && verified.output.contains("model-Q8_0.gguf"), "\(verified.errors)")

            // The plan counted what the run then wrote.
            let splits = try #require(planned?["splits"] as? [[String: Any]])
            let size =
                try FileManager.default.attributesOfItem(
                    atPath: run.appendingPathComponent("tokens/train.bin").path)[.size] as? Int
            #expect(splits[0]["tokens"] as? Int == size.map { $0 / 4 } && splits[0]["records"] as? Int == 120)

            let live = try command.run(
                "train", "letters.yaml", "teacher.targets={source: live, keep: 5}", "run.directory=live",
                "train.baseline=false")
            #expect(live.status == 0, "\(live.errors)")
            func losses(_ run: URL) throws -> [Double] {
                try String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
                    .split(separator: "\n").compactMap { line in
                        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                        return object?["stage"] as? String == "student" ? object?["loss"] as? Double : nil
                    }
            }
            let (recorded, alive) = (try losses(run), try losses(self.run(of: command, in: "live")))
            #expect(recorded.count > 4 && recorded.count == alive.count)
            #expect(zip(recorded, alive).allSatisfy { abs($0 / $1 - 1) < 1e-4 })
        }
    }

    @Test("that was interrupted goes on to the same bytes")
    func interrupted() throws {
        try with { command in
            #expect(try command.run("run", "letters.yaml", "run.directory=whole", "train.epochs=30").status == 0)
            let running = try command.start(["run", "letters.yaml", "run.directory=broken", "train.epochs=30"])
            TinyRun(command, "broken").wait(for: 10, of: "student", in: running)
            running.process.interrupt()
            let stopped = try running.finish()
            #expect(stopped.status == 130, "\(stopped.errors)")
            let broken = try run(of: command, in: "broken")
            let resumed = try command.run("resume", broken.path)
            #expect(resumed.status == 0 && resumed.errors.contains("going on after step"), "\(resumed.errors)")
            let whole = try run(of: command, in: "whole")
            for file in ["export/model.safetensors", "models/labels_only/model.safetensors", "tokens/train.bin"] {
                #expect(
                    try Data(contentsOf: whole.appendingPathComponent(file))
                        == Data(contentsOf: broken.appendingPathComponent(file)), "\(file)")
            }
        }
    }

    @Test("in stages, with averaged weights, early stopping and a chosen layer, goes on to the same bytes")
    func watchedStages() throws {
        try with { command in
            let changes = [
                "train.stages=[{epochs: 1, loss: {cross_entropy: 0, kl: {weight: 0}, features: {pairs: [[1, 2]]}}}, "
                    + "{epochs: 20, loss: {kl: {weight: 1, weight_end: 0.2, temperature: 3}}}]",
                "train.ema=0.9", "train.early_stopping={every: 10, patience: 50}", "student.teacher_layers=[1]",
                "train.baseline=false",
            ]
            let whole = try command.start(["train", "letters.yaml", "run.directory=whole"] + changes).finish()
            #expect(whole.status == 0, "\(whole.errors)")
            #expect(whole.errors.contains("stage 2: best validation loss"), "\(whole.errors)")
            let running = try command.start(["train", "letters.yaml", "run.directory=broken"] + changes)
            TinyRun(command, "broken").wait(for: 15, of: "student-2", in: running)
            running.process.interrupt()
            let stopped = try running.finish()
            #expect(stopped.status == 130, "\(stopped.errors)")
            let broken = try run(of: command, in: "broken")
            let resumed = try command.run("train", broken.path)
            #expect(resumed.status == 0 && resumed.errors.contains("student: going on after stage 1 of 2"))
            let path = "models/student/model.safetensors"
            #expect(
                try Data(contentsOf: run(of: command, in: "whole").appendingPathComponent(path))
                    == Data(contentsOf: broken.appendingPathComponent(path)))
        }
    }

    @Test(
        "with what is not there for language models, or not of this teacher, is refused with every problem and its line"
    )
    func refusals() throws {
        try with { command in
            let sections = try command.run(
                "check", "letters.yaml", "prune={}", "quantize={}", "export=[onnx]",
                "loss.relations={weight: 1, student_layer: 1, teacher_layer: 1, heads: 2}",
                "loss.attention={weight: 1, pairs: [[1, 1]]}", "loss.kl.temperature_end=1", "adapt={train: test.jsonl}",
                "train.stages=[{epochs: 1, loss: {kl: {temperature_end: 1}}}]",
                "student={layers: 1, initialize: checkpoint, checkpoint: model}")
            #expect(sections.status == 2)
            #expect(sections.errors.contains("export: the finished model is a decoder, which onnx does not hold"))
            for key in [
                "prune", "quantize", "loss.relations", "loss.attention", "adapt", "student.initialize",
            ] {
                #expect(sections.errors.contains("\(key): is not there for language models"), "\(sections.errors)")
            }
            for key in ["loss.kl.temperature_end", "train.stages[0].loss.kl.temperature_end"] {
                #expect(sections.errors.contains("\(key): targets of single tokens are exact"), "\(sections.errors)")
            }
            let sizes = try command.run(
                "check", "letters.yaml", "data.max_length=65", "student.layers=3", "loss.features.pairs=[[1, 3]]",
                "student.teacher_layers=[1, 2, 4]",
                "evaluate.gates={accuracy: '>= 0.5'}")
            #expect(sizes.status == 2)
            for problem in [
                "data.max_length", "student.layers", "student.teacher_layers", "loss.features.pairs", "unknown metric",
            ] {
                #expect(sizes.errors.contains(problem), "\(sizes.errors)")
            }
            let odd = try command.run(
                "check", "letters.yaml", "student={layers: 1, hidden: 6, heads: 2, feed_forward: 4}")
            #expect(odd.status == 2 && odd.errors.contains("even number"), "\(odd.errors)")
            var config = try String(
                contentsOf: command.folder.appendingPathComponent("model/config.json"), encoding: .utf8)
            config = config.replacing("\"eos_token_id\": 2", with: "\"eos_token_id\": 9999")
            try command.write(config, to: "model/config.json")
            let end = try command.run("check", "letters.yaml")
            #expect(end.status == 2 && end.errors.contains("eos_token_id 9999"), "\(end.errors)")
            try command.write(config.replacing("9999", with: "2"), to: "model/config.json")
            let heads = try command.run("check", "letters.yaml", "student={layers: 1, heads: 3, hidden: 16}")
            #expect(heads.status == 2 && heads.errors.contains("student.heads"), "\(heads.errors)")
            let train = try command.run(
                "check", "letters.yaml", "teacher={train: {layers: 1, hidden: 8, heads: 2, feed_forward: 8}}")
            #expect(train.status == 2 && train.errors.contains("teacher.train"), "\(train.errors)")
            let files = try command.run("check", "letters.yaml", "data.train=none.csv", "data.test=nothing.csv")
            #expect(files.status == 2 && files.errors.contains("data.train") && files.errors.contains("data.test"))
            let encoder = try command.run("check", "letters.yaml", "teacher.model=.")
            #expect(encoder.status == 2 && encoder.errors.contains("teacher.model"), "\(encoder.errors)")
        }
    }

    @Test("takes a student of other sizes, drawn at random, and targets that were recorded before")
    func otherSizes() throws {
        try with { command in
            let result = try command.run(
                "run", "letters.yaml", "student={layers: 3, hidden: 24, heads: 3, feed_forward: 20}",
                "loss.features.pairs=[[3, 2]]", "train.epochs=1", "evaluate.gates={perplexity: '<= 1000'}",
                "evaluate.strict=true")
            #expect(result.status == 0, "\(result.errors)")
            let report = try Data(contentsOf: run(of: command).appendingPathComponent("report/report.json"))
            let judged = try #require(
                (JSONSerialization.jsonObject(with: report) as? [String: Any])?["gates"] as? [[String: Any]])
            let margin = try #require(judged[0]["margin"] as? [String: Double])
            #expect(margin["low"]! < margin["value"]! && margin["value"]! < margin["high"]! && margin["high"]! < 0)
            #expect(!result.output.contains("untrained") && result.output.contains("Teacher"))
            let targets = try run(of: command).appendingPathComponent("targets/train").path
            let named = try command.run(
                "run", "letters.yaml", "teacher.targets={file: \(targets)}", "run.directory=named", "train.epochs=1",
                "evaluate.gates={perplexity: '<= 1.01'}")
            #expect(named.status == 1 && named.errors.contains("gate failed: perplexity"), "\(named.errors)")
            let cooler = try command.run(
                "check", "letters.yaml", "teacher.targets={file: \(targets)}", "loss.kl.temperature=3")
            #expect(cooler.status == 2 && cooler.errors.contains("not exact at T = 3"), "\(cooler.errors)")
            // The last window is looked up too.
            let texts = command.folder.appendingPathComponent("texts-2.csv")
            try command.write(try String(contentsOf: texts, encoding: .utf8) + "abc\n", to: "texts-2.csv")
            let longer = try command.run("check", "letters.yaml", "teacher.targets={file: \(targets)}")
            #expect(longer.status == 2 && longer.errors.contains("no targets for the token row"), "\(longer.errors)")
        }
    }

    @Test("trains the teacher on the texts first, where it is told to")
    func fineTuned() throws {
        try with { command in
            let result = try command.run(
                "run", "letters.yaml", "teacher.fine_tune={epochs: 2, batch: 4, learning_rate: 3.0e-3}",
                "train.epochs=1", "train.baseline=false", "train.ema=0.9",
                "train.early_stopping={metric: accuracy, every: 4}",
                "loss.cross_entropy_end=0.1")
            #expect(result.status == 0, "\(result.errors)")
            let run = try run(of: command)
            let data = try Data(contentsOf: run.appendingPathComponent("report/report.json"))
            let report = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            let models = try #require(report?["models"] as? [String: [String: Any]])
            #expect(models["teacher"]?["path"] as? String != "model")
            let own = try Data(contentsOf: run.appendingPathComponent("models/teacher/model.safetensors"))
            let published = try Data(contentsOf: command.folder.appendingPathComponent("model/model.safetensors"))
            #expect(own != published)
        }
    }
}
