import Foundation
import Testing

/// A recipe that runs in seconds, on rows that a model can learn: do two words of a kind occur?
enum TinyRecipe {
    static func rows(_ count: Int, offset: Int) -> String {
        let kinds = [["red", "green", "blue", "grey"], ["cat", "dog", "horse", "cow"]]
        var text = "text,label\n"
        for row in offset..<offset + count {
            let kind = row % 2
            let words = kinds[kind]
            text +=
                "\"the \(words[row % 4]) and the \(words[(row / 4 + 1) % 4]), no. \(row)\",\(["colour", "animal"][kind])\n"
        }
        return text
    }

    static let yaml = """
        schema: 1
        name: tiny
        seed: 7
        task: classification
        data: {train: train.csv, validation: validation.csv, test: test.csv, max_length: 32}
        tokenizer: {vocabulary: 120, minimum_frequency: 1}
        teacher:
          train: {layers: 2, hidden: 32, heads: 4, feed_forward: 64, epochs: 3, batch: 16, learning_rate: 2.0e-3}
        student: {layers: 2, hidden: 16, heads: 4, feed_forward: 32}
        loss:
          cross_entropy: 0.5
          kl: {weight: 0.5, temperature: 2}
          features: {weight: 1.0, pairs: [[1, 1], [2, 2]]}
        train: {epochs: 4, batch: 16, learning_rate: 3.0e-3, precision: float32}
        prune:
          heads: {keep: 0.5, rounds: 2, recover_steps: 10, calibration: 64}
          feed_forward: {keep: 0.75}
        quantize: {steps: 10, calibration: {rows: 64}}
        export: [onnx, safetensors]
        evaluate: {metrics: [accuracy], latency_queries: 5}
        run: {checkpoint_every: 5}
        """

    /// A folder with the data and `tiny.yaml`.
    static func prepare() throws -> Command {
        let command = try Command()
        try command.write(rows(240, offset: 0), to: "train.csv")
        try command.write(rows(60, offset: 240), to: "validation.csv")
        try command.write(rows(60, offset: 300), to: "test.csv")
        try command.write(yaml, to: "tiny.yaml")
        return command
    }

    /// The student's loss at its first step, of the only run in a folder.
    static func firstStudentLoss(in command: Command, _ folder: String) throws -> Double {
        let runs = command.folder.appendingPathComponent(folder)
        let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        let text = try String(contentsOf: runs.appendingPathComponent("\(run)/metrics.jsonl"), encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.contains("\"stage\":\"student\"") })
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(object?["loss"] as? Double)
    }
}
