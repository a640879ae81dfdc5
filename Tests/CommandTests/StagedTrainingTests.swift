import Foundation
import Testing

@Suite("Training in stages, adapting, and beginning with other models", .serialized)
struct StagedTrainingTests {
    private static let stages =
        "train.stages=[{epochs: 2, loss: {cross_entropy: 0, kl: {weight: 0}, features: {pairs: [[1, 1], [2, 2]]}}}, "
        + "{epochs: 8, learning_rate: 0.002, loss: {kl: {weight: 1}}}]"

    /// The only run in a folder.
    private func run(in command: Command, _ folder: String) throws -> String {
        let url = command.folder.appendingPathComponent(folder)
        return "\(folder)/" + (try #require(FileManager.default.contentsOfDirectory(atPath: url.path).first))
    }

    private func read(_ path: String, in command: Command) throws -> Data {
        try Data(contentsOf: command.folder.appendingPathComponent(path))
    }

    /// The metrics of one training stage.
    private func metrics(_ run: String, _ stage: String, in command: Command) throws -> [[String: Any]] {
        try read("\(run)/metrics.jsonl", in: command).split(separator: UInt8(ascii: "\n")).compactMap { line in
            let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
            return object?["stage"] as? String == stage ? object : nil
        }
    }

    /// Interrupts once a training stage has logged some steps, then resumes to the end of what was asked for.
    private func interruptAndResume(
        _ command: Command, _ verb: String, _ folder: String, _ changes: [String], stage: String
    ) throws -> String {
        let running = try command.start([verb, "tiny.yaml", "run.directory=\(folder)"] + changes)
        TinyRun(command, folder).wait(for: 7, of: stage, in: running)
        running.process.interrupt()
        let cut = try running.finish()
        #expect(cut.status == 130, "\(cut.errors)")
        let place = try run(in: command, folder)
        let resumed = try command.run(verb, place)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("\(stage): going on after step"))
        return place
    }

    @Test("Stages follow each other with their own losses and rates, and an interrupted one comes to the same bytes")
    func stages() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let changes = [Self.stages, "train.baseline=false"]
        let whole = try command.start(["train", "tiny.yaml", "run.directory=whole"] + changes).finish()
        #expect(whole.status == 0, "\(whole.errors)")
        let first = try run(in: command, "whole")
        let (one, two) = (
            try metrics(first, "student-1", in: command), try metrics(first, "student-2", in: command)
        )
        #expect(one.count == 30 && two.count == 120)
        #expect(one.allSatisfy { ($0["terms"] as? [String: Double])?.keys.sorted() == ["features"] })
        #expect(two.allSatisfy { ($0["terms"] as? [String: Double])?.keys.sorted() == ["cross_entropy", "kl"] })
        let rates = [one, two].map { $0.compactMap { $0["learning_rate"] as? Double }.max() ?? 0 }
        #expect(abs(rates[0] - 0.003) < 1e-6 && abs(rates[1] - 0.002) < 1e-6)

        let second = try interruptAndResume(command, "train", "cut", changes, stage: "student-2")
        let model = "models/student/model.safetensors"
        #expect(try read("\(first)/\(model)", in: command) == read("\(second)/\(model)", in: command))
        #expect(try metrics(second, "student-1", in: command).count == 30, "a finished stage is not trained again")
        #expect(try metrics(second, "student-2", in: command).count == 120)
    }

    /// Rows whose words are new, with the same labels.
    private func prepareAdapting() throws -> Command {
        let command = try TinyRecipe.prepare()
        func rows(_ count: Int, offset: Int) -> String {
            TinyRecipe.rows(count, offset: offset).replacing("the ", with: "no. ").replacing("and", with: "or")
        }
        try command.write(rows(120, offset: 0), to: "other.csv")
        try command.write(rows(60, offset: 120), to: "other-validation.csv")
        return command
    }

    @Test("Adapting to other rows: a report beside the distilled student, and the same bytes after an interruption")
    func adapts() throws {
        let command = try prepareAdapting()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let base = ["train.baseline=false", "prune=null", "quantize=null"]
        let adapt = "train: other.csv, validation: other-validation.csv, epochs: 6, learning_rate: 0.002"
        for hold in ["{kind: kl, weight: 2}", "{kind: l2_sp, weight: 0.1}"] {
            let name = hold.contains("kl,") ? "kl" : "l2"
            let changes = base + ["adapt={\(adapt), hold: \(hold)}"]
            let whole = try command.start(["adapt", "tiny.yaml", "run.directory=\(name)"] + changes).finish()
            #expect(whole.status == 0, "\(whole.errors)")
            #expect(
                whole.errors.contains("accuracy on validation.csv") && whole.errors.contains("other-validation.csv"))
            let first = try run(in: command, name)
            let terms = try #require(metrics(first, "adapt", in: command).first?["terms"] as? [String: Double])
            #expect(terms.keys.sorted() == ["cross_entropy", name == "kl" ? "kl" : "l2_sp"])
            // It begins where it is held.
            #expect(abs(terms[name == "kl" ? "kl" : "l2_sp"] ?? 1) < 0.05)
            let second = try interruptAndResume(command, "adapt", "\(name)-cut", changes, stage: "adapt")
            let model = "models/adapted/model.safetensors"
            #expect(try read("\(first)/\(model)", in: command) == read("\(second)/\(model)", in: command))
            #expect(
                try read("\(first)/\(model)", in: command)
                    != read("\(first)/models/student/model.safetensors", in: command))
        }
        let finished = try command.run("resume", try run(in: command, "kl"))
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(finished.output.contains("Student, adapted"))
    }

    @Test("A row of another class, and rows that are not there, are refused before anything is trained")
    func badRows() throws {
        let command = try prepareAdapting()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try command.write("text,label\nthe oak,plant\n", to: "plants.csv")
        let other = try command.run("run", "tiny.yaml", "adapt={train: plants.csv}")
        #expect(other.status == 2 && other.errors.contains("plants.csv:2: label: unknown label plant"))
        let missing = try command.run("check", "tiny.yaml", "adapt={train: nowhere.csv}")
        #expect(missing.status == 2 && missing.errors.contains("adapt.train: nowhere.csv"), "\(missing.errors)")
    }

    @Test("A student begins with chosen layers of a wider teacher, or with a checkpoint of the same tokenizer alone")
    func beginnings() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        // So small a rate leaves the first weights as they are.
        let still = ["train.learning_rate=1e-12", "train.epochs=1", "train.baseline=false"]
        let copied = try command.start(
            [
                "train", "tiny.yaml", "student.hidden=16", "student.heads=2", "student.layers=1",
                "student.feed_forward=48",
                "student.initialize=teacher_layers", "student.teacher_layers=[1]", "loss.features=null",
            ] + still
        ).finish()
        #expect(copied.status == 0, "\(copied.errors)")
        let first = try run(in: command, "runs")
        func bias(_ run: String, _ model: String) throws -> [Float] {
            let name = "bert.encoder.layer.0.intermediate.dense.bias"
            return try floats(name, of: read("\(run)/models/\(model)/model.safetensors", in: command))
        }
        let (student, teacher) = (try bias(first, "student"), try bias(first, "teacher"))
        #expect(student.count == 48 && teacher.count == 64)
        #expect(zip(student, teacher).allSatisfy { abs($0 - $1) < 1e-6 } && student.contains { abs($0) > 1e-4 })

        let begun = [
            "teacher.train=null", "teacher.model=\(first)/models/teacher", "run.directory=begun", "student.hidden=16",
            "student.heads=2", "student.layers=1", "student.feed_forward=48", "student.initialize=checkpoint",
            "student.checkpoint=\(first)/models/student", "loss.features=null",
        ]
        let second = try command.start(["train", "tiny.yaml"] + begun + still).finish()
        #expect(second.status == 0, "\(second.errors)")
        #expect(zip(try bias(try run(in: command, "begun"), "student"), student).allSatisfy { abs($0 - $1) < 1e-6 })
        let larger = try command.start(["check", "tiny.yaml"] + begun + ["student.layers=2"]).finish()
        #expect(larger.status == 2 && larger.errors.contains("student.initialize: the student (2 layers"))
        let other = try command.start(["train", "tiny.yaml", "run.directory=other", "tokenizer.vocabulary=110"])
            .finish()
        #expect(other.status == 0, "\(other.errors)")
        let tokenizer = try command.start(
            ["check", "tiny.yaml"] + begun + ["student.checkpoint=\(try run(in: command, "other"))/models/student"]
        ).finish()
        #expect(tokenizer.status == 2 && tokenizer.errors.contains("its tokenizer is not the run's"))
    }

    /// A float32 tensor of a safetensors file.
    private func floats(_ name: String, of file: Data) throws -> [Float] {
        let size = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try #require(try JSONSerialization.jsonObject(with: file[8..<8 + size]) as? [String: Any])
        let entry = try #require(header[name] as? [String: Any])
        let range = try #require(entry["data_offsets"] as? [Int])
        let bytes = Array(file[(8 + size + range[0])..<(8 + size + range[1])])
        return bytes.withUnsafeBytes { raw in
            stride(from: 0, to: bytes.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
        }
    }
}
