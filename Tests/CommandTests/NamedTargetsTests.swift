import Foundation
import Testing

@Suite("Recipes that take targets recorded before", .serialized)
struct NamedTargetsTests {
    /// A folder with a trained teacher and its recorded targets, in `targets`.
    private func withTargets(_ body: (Command, [String]) throws -> Void) throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let trained = try command.run(
            "train", "tiny.yaml", "run.directory=first", "train.epochs=1", "train.baseline=false")
        #expect(trained.status == 0, "\(trained.errors)")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: command.folder.appendingPathComponent("first").path).first)
        let model = "first/\(run)/models/teacher"
        let labelled = try command.run(
            "label", model, "--data", "train.csv", "--output", "targets", "--max-length", "32", "--hidden", "1",
            "--hidden", "2",
            "--attention", "2", "--dtype", "float32")
        #expect(labelled.status == 0, "\(labelled.errors)")
        try body(command, ["teacher.train=null", "teacher.model=\(model)", "train.baseline=false"])
    }

    private func firstLoss(_ command: Command, _ folder: String, _ changes: [String]) throws -> Double {
        let result = try command.start(["train", "tiny.yaml", "run.directory=\(folder)"] + changes).finish()
        #expect(result.status == 0, "\(result.errors)")
        return try TinyRecipe.firstStudentLoss(in: command, folder)
    }

    @Test("train the student as the run's own recording does, every loss included, and leave the label stage out")
    func sameLoss() throws {
        try withTargets { command, teacher in
            let changes =
                teacher + [
                    "loss.relations={weight: 1, student_layer: 2, teacher_layer: 2, heads: 8}",
                    "loss.attention={weight: 0.5, pairs: [[1, 2]]}", "teacher.targets.dtype=float32",
                ]
            let own = try firstLoss(command, "own", changes)
            let named = try firstLoss(command, "named", changes + ["teacher.targets.file=targets"])
            #expect(abs(named / own - 1) < 1e-5)
            let runs = command.folder.appendingPathComponent("named")
            let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
            #expect(!FileManager.default.fileExists(atPath: runs.appendingPathComponent("\(run)/targets").path))
        }
    }

    @Test("are read whole by check: what a step would stumble over is named before the first one")
    func check() throws {
        try withTargets { command, teacher in
            let named = teacher + ["teacher.targets.file=targets"]
            let good = try command.start(["check", "tiny.yaml"] + named).finish()
            #expect(good.status == 0, "\(good.errors)")
            let cases = [
                (["data.max_length=8"], "no targets for the token row"),
                (["loss.features={pairs: [[1, 0]]}"], "hidden_states/0"),
                (["loss.relations={student_layer: 2, teacher_layer: 1, heads: 8}"], "attention/1"),
                (["teacher.targets.file=nowhere"], "there is no such file"),
                (["teacher.targets.source=live"], "to run live"),
            ]
            for (changes, words) in cases {
                let result = try command.start(["check", "tiny.yaml"] + named + changes).finish()
                #expect(result.status == 2 && result.errors.contains(words), "\(changes): \(result.errors)")
            }
            let trained = try command.run("check", "tiny.yaml", "teacher.targets.file=targets")
            #expect(trained.status == 2 && trained.errors.contains("a teacher of its own"))

            // Another tokenizer makes other rows; the file says with which one it was made.
            let other = try command.run(
                "train", "tiny.yaml", "run.directory=second", "tokenizer.vocabulary=110", "train.epochs=1",
                "train.baseline=false")
            #expect(other.status == 0, "\(other.errors)")
            let run = try #require(
                FileManager.default.contentsOfDirectory(atPath: command.folder.appendingPathComponent("second").path)
                    .first)
            let result = try command.start(
                ["check", "tiny.yaml"] + named + ["teacher.model=second/\(run)/models/teacher"]
            ).finish()
            #expect(result.status == 2 && result.errors.contains("another tokenizer"), "\(result.errors)")
        }
    }
}
