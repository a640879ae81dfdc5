import Foundation
import Testing

@Suite("A published encoder as the teacher", .serialized)
struct FineTuningTests {
    private static let changes = [
        "teacher.train=null", "teacher.model=model", "data.max_length=8", "loss.features.pairs=[[1, 1]]",
        "student={layers: 1, hidden: 8, heads: 2, feed_forward: 12, initialize: teacher_layers}",
    ]

    /// The tiny recipe's folder with a published checkpoint without a head, of DistilBERT's family, as `model`.
    private func prepare() throws -> Command {
        let command = try TinyRecipe.prepare()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/encoders/distilbert-embedding")
        try FileManager.default.copyItem(at: golden, to: command.folder.appendingPathComponent("model"))
        let words = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "and", "red", "green", "blue", "grey", "cat", "dog",
            "horse", "cow",
        ]
        try command.write(words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
        try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
        return command
    }

    @Test("gets a fresh classifier, teaches a student of its own family, and the result is exported and predicts")
    func wholePath() throws {
        let command = try prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let tuning = "teacher.fine_tune={epochs: 8, batch: 8, learning_rate: 1.0e-2}"
        let result = try command.start(["run", "tiny.yaml", tuning] + Self.changes).finish()
        #expect(result.status == 0, "\(result.errors)")
        let runs = command.folder.appendingPathComponent("runs")
        let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        for folder in ["models/teacher", "export"] {
            let url = runs.appendingPathComponent("\(run)/\(folder)/config.json")
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
            #expect(object?["architectures"] as? [String] == ["DistilBertForSequenceClassification"])
            #expect(Set((object?["id2label"] as? [String: String] ?? [:]).values) == ["animal", "colour"])
        }
        let predicted = try command.run("predict", "runs/\(run)/models/teacher", input: "the cat and the dog\n")
        #expect(predicted.status == 0 && predicted.output.contains(#""label":"animal""#), "\(predicted.output)")
        #expect(try command.run("predict", "runs/\(run)/export", input: "the cat\n").status == 0)
    }

    @Test("is refused without teacher.fine_tune, and fine_tune without a model")
    func refusals() throws {
        let command = try prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let bare = try command.start(["check", "tiny.yaml"] + Self.changes).finish()
        #expect(bare.status == 2 && bare.errors.contains("embedding") && bare.errors.contains("teacher.fine_tune"))
        let none = try command.run("check", "tiny.yaml", "teacher.fine_tune={}")
        #expect(none.status == 2 && none.errors.contains("teacher.model"))
    }
}
