import Foundation
import Testing

@Suite("Recipes whose answers are numbers", .serialized)
struct ValueRunTests {
    /// Rows with a number: the share of a row's words that are animals.
    private static func rows(_ count: Int, offset: Int) -> String {
        let words = ["red", "green", "blue", "grey", "cat", "dog", "horse", "cow"]
        return "text,label\n"
            + (offset..<offset + count).map { row in
                let chosen = (0..<4).map { words[(row * 5 + $0 * ($0 + row)) % 8] }
                let animals = chosen.count { words.firstIndex(of: $0)! > 3 }
                return "the \(chosen.joined(separator: " and the ")) no. \(row),\(Double(animals) / 4)\n"
            }.joined()
    }

    private static let changes = [
        "task=regression", "prune=null", "quantize=null", "export=[onnx, safetensors]",
        "loss={squared_error: 0.5, output: {weight: 0.5}, features: {weight: 0.1, pairs: [[1, 1], [2, 2]]}}",
        "train.epochs=8", "teacher.train.epochs=8",
    ]

    private func with(_ body: (Command) throws -> Void) throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try command.write(Self.rows(240, offset: 0), to: "train.csv")
        try command.write(Self.rows(60, offset: 240), to: "validation.csv")
        try command.write(Self.rows(60, offset: 300), to: "test.csv")
        try body(command)
    }

    private func run(of command: Command, in folder: String = "runs") throws -> URL {
        let runs = command.folder.appendingPathComponent(folder)
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        return runs.appendingPathComponent(name)
    }

    private func report(_ run: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: run.appendingPathComponent("report/report.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("train, distil and judge a regression; what it exports gives numbers")
    func regression() throws {
        try with { command in
            let plan = try command.start(["check", "tiny.yaml"] + Self.changes).finish()
            #expect(plan.status == 0 && plan.output.contains("numbers 0"), "\(plan.errors)")
            let result = try command.start(
                [
                    "run", "tiny.yaml", "evaluate.gates={pearson: '>= -0.9', rmse: '<= 100*teacher'}",
                    "evaluate.strict=true",
                ] + Self.changes
            ).finish()
            #expect(result.status == 0, "\(result.errors)")
            let run = try run(of: command)
            let report = try report(run)
            #expect(report["task"] as? String == "regression")
            let models = try #require(report["models"] as? [String: [String: Any]])
            #expect(Set(models.keys) == ["teacher", "labels_only", "student"])
            let metrics = try #require(models["student"]?["metrics"] as? [String: [String: Double]])
            let pearson = try #require(metrics["pearson"]?["value"])
            #expect(pearson >= 0.5)
            let gates = try #require(report["gates"] as? [[String: Any]])
            let margin = try #require(gates[0]["margin"] as? [String: Double])
            #expect(abs(margin["value"]! - (pearson + 0.9)) < 1e-9 && margin["low"]! < margin["value"]!)
            #expect(gates[1]["margin"] != nil)
            let predicted = try command.run("predict", "\(run.path)/export", input: "the cat and the dog\n")
            #expect(predicted.output.contains("\"value\""), "\(predicted.errors)")
            let verified = try command.run("verify", "\(run.path)/export")
            #expect(verified.status == 0 && verified.output.contains("model.onnx"), "\(verified.errors)")

            let live = try command.start(
                ["train", "tiny.yaml"] + Self.changes + ["teacher.targets.source=live", "run.directory=live"]
            ).finish()
            #expect(live.status == 0, "\(live.errors)")
            let losses = try ["runs", "live"].map { try TinyRecipe.firstStudentLoss(in: command, $0) }
            // Recorded in float16.
            #expect(abs(losses[0] / losses[1] - 1) < 1e-2)
        }
    }

    @Test("teach a student sentence embeddings without labels, of other widths too")
    func embedding() throws {
        try with { command in
            let golden = LetterModel.golden.deletingLastPathComponent().appendingPathComponent(
                "encoders/distilbert-embedding")
            try FileManager.default.copyItem(at: golden, to: command.folder.appendingPathComponent("model"))
            let words = [
                "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "and", "red", "green", "blue", "grey", "cat",
                "dog", "horse", "cow",
            ]
            try command.write(words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
            try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
            let changes =
                Self.changes + [
                    "task=embedding", "teacher={model: model, targets: {dtype: float32}}", "data.max_length=8",
                    "loss={output: {weight: 1, kind: cosine}}", "train.baseline=false", "data.label=text2",
                ]
            for (folder, student) in [
                ("copied", "{layers: 1, initialize: teacher_layers, dropout: 0}"),
                ("wide", "{layers: 1, hidden: 24, heads: 2, feed_forward: 32}"),
            ] {
                let result = try command.start(
                    ["run", "tiny.yaml"] + changes + ["student=\(student)", "run.directory=\(folder)"]
                ).finish()
                #expect(result.status == 0, "\(result.errors)")
                let run = try run(of: command, in: folder)
                let pairs = try #require(try report(run)["pairs"] as? [[String: Any]])
                let metrics = try #require(pairs[0]["metrics"] as? [String: [String: Double]])
                let similarity = metrics["similarity"]!
                #expect(similarity["value"]! > 0.3)
                // `eval` draws other pairs; both resample texts, so that their intervals are alike.
                let judged = try command.run(
                    "eval", "\(run.path)/models/student", "--against", "model", "--data", "test.csv",
                    "--json", "--queries", "0")
                #expect(judged.status == 0, "\(judged.errors)")
                let found = try #require(JSONSerialization.jsonObject(with: Data(judged.output.utf8)) as? [String: Any])
                let pair = try #require((found["pairs"] as? [[String: Any]])?.first)
                let other = try #require((pair["metrics"] as? [String: [String: Double]])?["similarity"])
                let widths = [similarity, other].map { $0["high"]! - $0["low"]! }
                #expect(widths[0] >= 0.5 * widths[1] && widths[0] <= 2 * widths[1], "\(widths)")
                #expect(folder == "copied" || widths[0] > 0)
                let predicted = try command.run("predict", "\(run.path)/export", input: "the cat and the dog\n")
                #expect(predicted.output.contains("\"embedding\""), "\(predicted.errors)")
                let listed = try command.run("runs", folder)
                #expect(listed.output.contains("similarity"), "\(listed.output)")
            }
            let both = try ["copied", "wide"].map { try run(of: command, in: $0).path }
            let together = try command.start(["report"] + both).finish()
            #expect(together.status == 0 && together.output.lowercased().contains("similarity"), "\(together.errors)")
            let worse = try command.start(
                ["run", "tiny.yaml"] + changes + [
                    "student={layers: 1, initialize: teacher_layers}", "run.directory=gated",
                    "evaluate.gates={similarity: '>= 1'}", "evaluate.strict=true",
                ]
            ).finish()
            #expect(worse.status == 1 && worse.errors.contains("gate failed: similarity"), "\(worse.errors)")
        }
    }

    @Test("that cannot work are refused with every problem and its line")
    func refusals() throws {
        try with { command in
            let sections = try command.start(
                ["check", "tiny.yaml"] + Self.changes + [
                    "prune={}", "quantize={}", "export=[gguf]", "train.early_stopping={metric: accuracy}",
                    "loss.relations={student_layer: 1, teacher_layer: 1, heads: 4}",
                ]
            ).finish()
            #expect(sections.status == 2)
            #expect(sections.errors.contains("export: the finished model is an int8 encoder, which gguf does not hold"))
            for key in ["prune", "quantize", "train.early_stopping.metric", "loss.relations"] {
                #expect(sections.errors.contains("\(key): is not there for regression"), "\(sections.errors)")
            }
            let unlabelled = try command.start(["check", "tiny.yaml"] + Self.changes + ["task=embedding"]).finish()
            #expect(unlabelled.status == 2 && unlabelled.errors.contains("teacher.train"))
            #expect(unlabelled.errors.contains("train.baseline"), "\(unlabelled.errors)")
            let stages = try command.start(
                ["check", "tiny.yaml"] + Self.changes + [
                    "train.stages=[{epochs: 1, loss: {squared_error: 0, output: {weight: 0}, attention: {pairs: [[1, 1]]}}}]"
                ]
            ).finish()
            #expect(stages.status == 2 && stages.errors.contains("nothing to learn"), "\(stages.errors)")
            #expect(stages.errors.contains("attention: is not there for regression"), "\(stages.errors)")
            try command.write("text,label\na cat,1\na dog,1\na cow,1\n", to: "test.csv")
            try command.write("text,label\na cat,1\n", to: "validation.csv")
            let constant = try command.start(["check", "tiny.yaml"] + Self.changes).finish()
            #expect(constant.status == 2 && constant.errors.contains("all numbers are 1.0"), "\(constant.errors)")
            #expect(constant.errors.contains("too few"), "\(constant.errors)")
            try command.write(Self.rows(60, offset: 240), to: "validation.csv")
            try command.write(Self.rows(60, offset: 300), to: "test.csv")
            let gate = try command.start(
                ["check", "tiny.yaml"] + Self.changes + ["evaluate.gates={accuracy: '>= 0.5'}"]
            ).finish()
            #expect(gate.status == 2 && gate.errors.contains("unknown metric"), "\(gate.errors)")
            try command.write("text,label\na cat,0x10\na dog,nan\n,1\na cow,3\n", to: "train.csv")
            let rows = try command.start(["check", "tiny.yaml"] + Self.changes).finish()
            #expect(rows.status == 2)
            for place in ["train.csv:2", "train.csv:3", "train.csv:4"] {
                #expect(rows.errors.contains(place), "\(place): \(rows.errors)")
            }
        }
    }
}
