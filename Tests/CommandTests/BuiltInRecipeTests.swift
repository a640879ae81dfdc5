import Foundation
import Testing

/// Every recipe that the program brings, copied out and carried out on few rows.
@Suite("The built-in recipes", .serialized)
struct BuiltInRecipeTests {
    private static let few = [
        "data.limit=300", "train.epochs=1", "evaluate.gates={}", "evaluate.latency_queries=5", "run.directory=runs",
    ]

    /// A folder from which the recipes' data can be reached.
    private func with(_ body: (Command) throws -> Void) throws {
        try LetterModel.with { command in
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            try FileManager.default.createSymbolicLink(
                at: command.folder.appendingPathComponent("datasets"),
                withDestinationURL: root.appendingPathComponent("datasets"))
            try body(command)
        }
    }

    private func run(_ command: Command, _ name: String, _ changes: [String]) throws -> URL {
        let copied = try command.run("new", name)
        #expect(copied.status == 0, "\(copied.errors)")
        let recipe = try String(contentsOf: command.folder.appendingPathComponent("\(name).yaml"), encoding: .utf8)
        #expect(recipe.hasPrefix("# \(name): ") && recipe.contains("retort run"))
        let result = try command.start(["run", "\(name).yaml"] + Self.few + changes).finish()
        #expect(result.status == 0, "\(name): \(result.errors)")
        #expect(result.output.contains("Student, distilled") && result.output.contains("report.html"))
        let runs = command.folder.appendingPathComponent("runs")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: runs.path).first { $0.hasPrefix(name) })
        return runs.appendingPathComponent(run)
    }

    @Test("from a teacher that is trained, from what was recorded of it, and from a served one's answers")
    func classifiers() throws {
        try with { command in
            let quick = try run(
                command, "quickstart",
                [
                    "teacher.train.epochs=1", "prune.heads.recover_steps=2", "quantize.steps=2",
                    "tokenizer.vocabulary=600",
                ])
            let teacher = quick.appendingPathComponent("models/teacher").path
            let data = "datasets/prompt-injection/train.csv"
            let rows = try String(contentsOf: command.folder.appendingPathComponent(data), encoding: .utf8)
            // The texts of the first rows hold no line ends.
            try command.write(
                rows.split(separator: "\r\n").prefix(301).joined(separator: "\r\n") + "\r\n", to: "first.csv")
            let labelled = try command.run(
                "label", teacher, "--data", "first.csv", "--max-length", "64", "--output", "targets")
            #expect(labelled.status == 0, "\(labelled.errors)")
            _ = try run(
                command, "recorded-targets", ["tokenizer.directory=\(teacher)", "quantize.steps=2"])

            let words = try command.run("tokenizer", "train", "first.csv", "--vocabulary", "600", "-o", "words")
            #expect(words.status == 0, "\(words.errors)")
            let answers = (0..<300).map { row in
                let candidates = [(row % 2 == 0 ? "yes" : "no", 0.8), (row % 2 == 0 ? "no" : "yes", 0.15)].map {
                    "{\"token\": \"\($0.0)\", \"logprob\": \(log($0.1))}"
                }
                return
                    "{\"custom_id\": \"row-\(row + 1)\", \"response\": {\"status_code\": 200, \"body\": {\"id\": \"c\", "
                    + "\"object\": \"chat.completion\", \"model\": \"m\", \"choices\": [{\"index\": 0, \"message\": {\"role\": "
                    + "\"assistant\", \"content\": \"yes\"}, \"logprobs\": {\"content\": [{\"token\": \"yes\", \"logprob\": -0.3, "
                    + "\"top_logprobs\": [\(candidates.joined(separator: ", "))]}]}}]}}}\n"
            }
            try command.write(answers.joined(), to: "batch-output.jsonl")
            let made = try command.run(
                "label", "answers", "batch-output.jsonl", "--data", "first.csv", "--tokenizer", "words", "--max-length",
                "64", "--class", "0=no,No", "--class", "1=yes,Yes", "--output", "answers.h5")
            #expect(made.status == 0, "\(made.errors)")
            _ = try run(command, "api-answers", ["quantize.steps=2"])
        }
    }

    @Test("from published checkpoints: an encoder without a classifier, and a language model")
    func published() throws {
        try with { command in
            let golden = LetterModel.golden.deletingLastPathComponent().appendingPathComponent(
                "encoders/distilbert-embedding")
            try FileManager.default.copyItem(at: golden, to: command.folder.appendingPathComponent("encoder"))
            let words = [
                "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "of", "the", "or", "in", "that", "an", "to",
            ]
            try command.write(words.joined(separator: "\n") + "\n", to: "encoder/vocab.txt")
            try command.write(#"{"do_lower_case": true}"#, to: "encoder/tokenizer_config.json")
            _ = try run(
                command, "published-teacher",
                [
                    "teacher.model=encoder", "teacher.fine_tune.epochs=1", "student.layers=1", "data.max_length=8",
                    "loss.features.pairs=[[1, 1]]",
                ])
            for name in ["ablation-wordnet26", "ablation-prompt-injection"] {
                _ = try run(
                    command, name,
                    [
                        "teacher.model=encoder", "teacher.fine_tune.epochs=1", "student.layers=1", "data.max_length=8",
                        "loss.features.pairs=[[1, 1]]",
                    ])
            }
            _ = try run(
                command, "embedding",
                ["teacher.model=encoder", "student.layers=1", "data.max_length=8", "loss.features.pairs=[[1, 1]]"])
            _ = try run(command, "regression", ["teacher.train.epochs=1", "tokenizer.vocabulary=600"])
            let run = try run(
                command, "language-model",
                [
                    "teacher.model=model", "teacher.targets.keep=5", "student.layers=1", "data.max_length=32",
                    "data.limit=20",
                ])
            #expect(
                FileManager.default.fileExists(atPath: run.appendingPathComponent("export/model.safetensors").path))
        }
    }

    @Test("are all carried out here")
    func complete() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let listed = try command.run("recipes").output.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(
            Set(listed)
                == [
                    "quickstart", "recorded-targets", "api-answers", "published-teacher", "regression", "embedding",
                    "language-model", "ablation-wordnet26", "ablation-prompt-injection",
                ])
    }
}
