import Foundation
import Testing

@Suite("Learning from a live teacher", .serialized)
struct LiveTeacherTests {
    private let losses = [
        "teacher.targets.source=live", "loss.kl.divergence=jsd", "loss.kl.beta=0.4", "loss.features.kind=cosine",
        "loss.relations={weight: 1, student_layer: 2, teacher_layer: 2, heads: 8}",
        "loss.attention={weight: 0.5, pairs: [[1, 1]]}",
    ]

    @Test("A run learns by every loss, through pruning and INT8, and records no targets")
    func run() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.start(["run", "tiny.yaml"] + losses).finish()
        #expect(result.status == 0, "\(result.errors)")
        let runs = command.folder.appendingPathComponent("runs")
        let run = runs.appendingPathComponent(
            try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first))
        #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent("targets").path))
        let metrics = try String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
        let student = try #require(metrics.split(separator: "\n").last { $0.contains("\"stage\":\"student\"") })
        for term in ["cross_entropy", "kl", "features", "relations", "attention"] { #expect(student.contains(term)) }
    }

    @Test("Live and recorded targets train the same student, to what float32 keeps")
    func sameLoss() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        func firstLoss(_ source: String) throws -> Double {
            let result = try command.run(
                "train", "tiny.yaml", "run.directory=\(source)", "teacher.targets={source: \(source), dtype: float32}",
                "train.baseline=false")
            #expect(result.status == 0, "\(result.errors)")
            return try TinyRecipe.firstStudentLoss(in: command, source)
        }
        let (live, recorded) = (try firstLoss("live"), try firstLoss("recorded"))
        #expect(abs(live / recorded - 1) < 1e-5)
    }

    @Test("check refuses a ready teacher whose heads or layers do not fit the loss, before anything is trained")
    func check() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let trained = try command.run(
            "train", "tiny.yaml", "run.directory=runs", "train.epochs=1", "teacher.train.epochs=1")
        #expect(trained.status == 0, "\(trained.errors)")
        let run = try #require(
            FileManager.default.contentsOfDirectory(atPath: command.folder.appendingPathComponent("runs").path).first)
        // The teacher has 2 layers, 4 heads and a width of 32.
        let teacher = ["teacher.train=null", "teacher.model=runs/\(run)/models/teacher"]
        let cases = [
            (["loss.relations={student_layer: 2, teacher_layer: 3, heads: 8}"], "loss.relations.teacher_layer"),
            (
                ["loss.relations={student_layer: 2, teacher_layer: 2, heads: 12}", "student.hidden=48"],
                "12 heads do not divide the width 32"
            ),
            (["loss.attention={pairs: [[1, 3]]}"], "loss.attention.pairs"),
            (["loss.attention={pairs: [[1, 1]]}", "student.heads=2"], "the student has 2 heads"),
            (
                [
                    "loss={cross_entropy: 0, kl: {weight: 0}, relations: {student_layer: 2, teacher_layer: 2, heads: 8}}"
                ], "a pruned model recovers by the labels or by kl"
            ),
            (
                [
                    "loss={cross_entropy: 0, kl: {weight: 0}, features: {weight: 1, pairs: [[2, 2]]}}",
                    "prune.layers={keep: 1}",
                ], "a pruned model recovers by the labels or by kl"
            ),
            (["quantize.keep_float=[layer.0.outputs]"], "did you mean 'layer.0.output'?"),
            (["quantize.keep_float=[layer.1.output]", "prune.layers={keep: 1}"], "'layer.1.output'"),
        ]
        for (changes, words) in cases {
            let result = try command.start(["check", "tiny.yaml"] + teacher + changes).finish()
            #expect(result.status == 2, "\(changes): \(result.output)")
            #expect(result.errors.contains(words), "\(result.errors)")
        }
        let good = try command.start(["check", "tiny.yaml"] + teacher + losses).finish()
        #expect(good.status == 0, "\(good.errors)")

        // Of the two files with the vocabulary one now gives other ids.
        let vocabulary = command.folder.appendingPathComponent("runs/\(run)/models/teacher/vocab.txt")
        var lines = try String(contentsOf: vocabulary, encoding: .utf8).split(separator: "\n")
        lines.swapAt(20, 21)
        try (lines.joined(separator: "\n") + "\n").write(to: vocabulary, atomically: true, encoding: .utf8)
        let other = try command.start(["check", "tiny.yaml"] + teacher).finish()
        #expect(other.status == 2 && other.errors.contains("tokenizer.json and vocab.txt"), "\(other.errors)")
    }
}
