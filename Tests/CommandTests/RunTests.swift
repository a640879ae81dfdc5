import Foundation
import Testing

@Suite("A run, as a user starts it", .serialized)
struct RunTests {
    @Test("The whole path: teacher to INT8, export and report; then predict, inspect and a second resume")
    func wholePath() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run("run", "tiny.yaml")
        #expect(result.status == 0, "\(result.errors)")
        for name in ["Teacher", "labels only", "distilled", "Pruned", "INT8"] { #expect(result.output.contains(name)) }

        let run =
            "runs/"
            + (try #require(
                FileManager.default.contentsOfDirectory(
                    atPath: command.folder.appendingPathComponent("runs").path
                ).first))
        for file in [
            "recipe.yaml", "resolved.yaml", "environment.json", "state.json", "metrics.jsonl", "log.txt",
            "targets/train/part-00000-of-00001.h5", "prune/heads.csv", "export/model.onnx", "export/model.safetensors",
            "export/config.json", "export/tokenizer.json", "export/README.md", "report/report.html",
            "report/report.json", "report/samples.jsonl",
        ] {
            let path = command.folder.appendingPathComponent("\(run)/\(file)").path
            #expect(FileManager.default.fileExists(atPath: path), "\(file)")
        }

        func predict(_ input: String) throws -> [String: Any] {
            let predicted = try command.run("predict", "\(run)/export", input: input)
            #expect(predicted.status == 0, "\(predicted.errors)")
            let lines = predicted.output.split(separator: "\n")
            #expect(lines.count == 1)
            let answer = try JSONSerialization.jsonObject(with: Data(try #require(lines.first).utf8))
            return try #require(answer as? [String: Any])
        }
        let plain = try predict("the red and the blue\n")
        #expect(plain["id"] as? Int == 1)
        #expect(plain["label"] as? String == "colour")
        let object = try predict("{\"id\": \"x\", \"text\": \"the cat and the dog\"}\n")
        #expect(object["id"] as? String == "x")
        #expect(object["label"] as? String == "animal")

        let inspected = try command.run("inspect", "\(run)/export", "--json")
        #expect(inspected.status == 0, "\(inspected.errors)")
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(inspected.output.utf8)) }

        let again = try command.run("resume", run)
        #expect(again.status == 0, "\(again.errors)")
        #expect(again.errors.contains("student: finished before"))
    }

    @Test("Interrupted in training, a run resumes to the same bytes as one that was not")
    func interruption() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let whole = try command.run("train", "tiny.yaml", "run.directory=whole", "train.epochs=30")
        #expect(whole.status == 0, "\(whole.errors)")

        let running = try command.start(["train", "tiny.yaml", "run.directory=cut", "train.epochs=30"])
        let log = command.folder.appendingPathComponent("cut")
        // The metrics tell when the student's training is under way.
        func steps() throws -> Int {
            guard let run = try? FileManager.default.contentsOfDirectory(atPath: log.path).first else { return 0 }
            let metrics = log.appendingPathComponent("\(run)/metrics.jsonl")
            guard let text = try? String(contentsOf: metrics, encoding: .utf8) else { return 0 }
            return text.split(separator: "\n").count { $0.contains("\"stage\":\"student\"") }
        }
        while running.process.isRunning, try steps() < 20 { sched_yield() }
        running.process.interrupt()
        let cut = try running.finish()
        #expect(cut.status == 130, "\(cut.errors)")
        #expect(cut.errors.contains("retort resume"))

        let run = "cut/" + (try #require(FileManager.default.contentsOfDirectory(atPath: log.path).first))
        let resumed = try command.run("train", run)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("going on after step"))
        func weights(_ folder: String) throws -> Data {
            let url = command.folder.appendingPathComponent(folder)
            let run = try #require(FileManager.default.contentsOfDirectory(atPath: url.path).first)
            return try Data(contentsOf: url.appendingPathComponent("\(run)/models/student/model.safetensors"))
        }
        #expect(try weights("whole") == weights("cut"))
    }
}
