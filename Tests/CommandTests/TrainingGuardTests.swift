import Foundation
import Testing

@Suite("Training that is interrupted, diverges or is watched", .serialized)
struct TrainingGuardTests {
    /// The only run in a folder.
    private func run(in command: Command, _ folder: String) throws -> String {
        let url = command.folder.appendingPathComponent(folder)
        return "\(folder)/" + (try #require(FileManager.default.contentsOfDirectory(atPath: url.path).first))
    }

    private func read(_ path: String, in command: Command) throws -> Data {
        try Data(contentsOf: command.folder.appendingPathComponent(path))
    }

    /// The lines of a run's metrics without what differs from time to time.
    private func metrics(_ run: String, in command: Command) throws -> [NSDictionary] {
        try read("\(run)/metrics.jsonl", in: command).split(separator: UInt8(ascii: "\n")).map { line in
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            return NSDictionary(dictionary: object.filter { !["time", "examples_per_second"].contains($0.key) })
        }
    }

    /// Sends a signal once the student has been trained for some steps; its exit is awaited.
    private func interrupt(
        _ command: Command, _ folder: String, _ arguments: [String], with signal: Int32, after steps: Int
    ) throws -> Command.Result {
        let running = try command.start(["train", "tiny.yaml", "run.directory=\(folder)"] + arguments)
        TinyRun(command, folder).wait(for: steps, of: "student", in: running)
        kill(running.process.processIdentifier, signal)
        return try running.finish()
    }

    /// With averaged weights, losses that change, and early stopping.
    @Test("SIGUSR1 saves a checkpoint and exits with 138; the resumed run comes to the same bytes")
    func preemption() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let changes = [
            "train.epochs=12", "train.ema=0.99", "train.early_stopping={metric: loss, every: 7, patience: 40}",
            "loss.kl.temperature_end=1", "loss.features.weight_end=0",
        ]
        let whole = try command.start(["train", "tiny.yaml", "run.directory=whole"] + changes).finish()
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(whole.errors.contains("best validation loss"))
        let cut = try interrupt(command, "cut", changes, with: SIGUSR1, after: 20)
        #expect(cut.status == 138, "\(cut.errors)")
        let (first, second) = (try run(in: command, "whole"), try run(in: command, "cut"))
        let resumed = try command.run("train", second)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("student: going on after step"))
        for model in ["student", "labels_only"] {
            let path = "models/\(model)/model.safetensors"
            #expect(try read("\(first)/\(path)", in: command) == read("\(second)/\(path)", in: command), "\(model)")
        }
        #expect(try metrics(first, in: command) == metrics(second, in: command))
        let watched = try metrics(first, in: command).filter { $0["stage"] as? String == "student" }
        let looks = watched.filter { $0["validation"] != nil }.compactMap { $0["step"] as? Int }
        #expect(looks.dropLast().allSatisfy { $0.isMultiple(of: 7) } && looks.count > 3)
        let values = try #require(watched.last?["validation"] as? [String: Double])
        #expect(values.keys.sorted() == ["accuracy", "loss"])
    }

    @Test("Early stopping ends the stage before its last epoch, and its summary says where and how good it was")
    func stops() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run(
            "train", "tiny.yaml", "train.epochs=40", "train.baseline=false",
            "train.early_stopping={metric: accuracy, every: 15, patience: 2}")
        #expect(result.status == 0, "\(result.errors)")
        let summary = try #require(
            result.errors.split(separator: "\n").first { $0.contains("best validation accuracy") })
        #expect(summary.contains(", stopped after ") && summary.contains(" of 600"))
        let steps = try metrics(try run(in: command, "runs"), in: command).compactMap { line in
            line["stage"] as? String == "student" ? line["step"] as? Int : nil
        }
        #expect(try #require(steps.last) < 600 && steps.last?.isMultiple(of: 15) == true)
    }

    @Test("Divergence: the rows are named, the run stops on the last good checkpoint, and goes on from it when mended")
    func divergence() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        // Only in the last of 60 steps the temperature is so small that logits divided by it are infinite.
        let result = try command.run(
            "train", "tiny.yaml", "train.max_skipped=0", "train.baseline=false", "loss.kl.temperature_end=1e-320")
        #expect(result.status == 2)
        #expect(result.errors.contains("student: step 60 left out: its loss is not finite; its rows: train.csv:"))
        #expect(result.errors.contains("training diverged: a step was not finite"))
        #expect(result.errors.contains("the weights of step 59 are saved"))
        let run = try run(in: command, "runs")
        let checkpoints = command.folder.appendingPathComponent("\(run)/checkpoints")
        let newest = try FileManager.default.contentsOfDirectory(atPath: checkpoints.path).max()
        #expect(newest == "student-step-00000059.h5")

        let again = try command.run("resume", run)
        #expect(again.status == 2 && again.errors.contains("going on after step 59 of 60"), "\(again.errors)")
        let recipe = String(decoding: try read("\(run)/resolved.yaml", in: command), as: UTF8.self)
        try command.write(
            recipe.replacing("max_skipped: 0", with: "max_skipped: 1").replacing(
                "  learning_rate: 0.003", with: "  learning_rate: 0.001"), to: "\(run)/resolved.yaml")
        let mended = try command.run("train", run)
        #expect(mended.status == 0, "\(mended.errors)")
        #expect(mended.errors.contains("student: going on after step 59 of 60"))
        #expect(mended.errors.contains("from here on with learning_rate: 0.001, max_skipped: 1"))
        let steps = try metrics(run, in: command).compactMap { $0["stage"] as? String == "student" ? $0["step"] : nil }
        #expect(steps as? [Int] == Array(1...60))
    }
}
