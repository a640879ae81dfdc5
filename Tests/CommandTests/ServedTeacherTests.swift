import Foundation
import Testing

@Suite("Recipes that learn from a served teacher's answers", .serialized)
struct ServedTeacherTests {
    /// A response with the probabilities of the first token.
    private static func response(_ row: Int, _ answer: [(token: String, probability: Double)]) -> String {
        let candidates = answer.map { "{\"token\": \"\($0.token)\", \"logprob\": \(log($0.probability))}" }
        return "{\"id\": \"r\(row)\", \"object\": \"chat.completion\", \"model\": \"m\", \"choices\": [{\"index\": 0, "
            + "\"message\": {\"role\": \"assistant\", \"content\": \"\(answer[0].token)\"}, \"logprobs\": {\"content\": "
            + "[{\"token\": \"\(answer[0].token)\", \"logprob\": \(log(answer[0].probability)), \"top_logprobs\": ["
            + candidates.joined(separator: ", ") + "]}]}, \"finish_reason\": \"stop\"}]}\n"
    }

    /// The tiny recipe's rows, a tokenizer, and two teachers' answers, of which the second doubts more.
    private func withAnswers(_ body: (Command, [String]) throws -> Void) throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let tokenizer = try command.run(
            "tokenizer", "train", "train.csv", "--vocabulary", "120", "--min-frequency", "1", "-o", "words")
        #expect(tokenizer.status == 0, "\(tokenizer.errors)")
        for (name, sure) in [("a", 0.9), ("b", 0.6)] {
            let answers = (0..<240).map { row in
                let classes = row % 2 == 0 ? ["Colour", "Animal"] : ["Animal", "Colour"]
                return Self.response(row, [(classes[0], sure), (classes[1], 0.95 - sure)])
            }
            try command.write(answers.joined(), to: "\(name).jsonl")
            let labelled = try command.run(
                "label", "answers", "\(name).jsonl", "--data", "train.csv", "--tokenizer", "words", "--max-length",
                "32", "--class", "animal=Animal", "--class", "colour=Colour", "--output", "\(name).h5")
            #expect(labelled.status == 0, "\(labelled.errors)")
        }
        try body(
            command,
            [
                "teacher={targets: {file: a.h5}}", "tokenizer={directory: words}", "loss.features=null",
                "train.epochs=8",
            ])
    }

    private func report(_ command: Command, _ folder: String) throws -> [String: Any] {
        let runs = command.folder.appendingPathComponent(folder)
        let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        let data = try Data(contentsOf: runs.appendingPathComponent("\(run)/report/report.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("carry out every stage without a teacher's model, and learn what the answers say")
    func wholePath() throws {
        try withAnswers { command, changes in
            let plan = try command.start(["check", "tiny.yaml"] + changes).finish()
            #expect(plan.status == 0 && plan.output.contains("what was recorded"), "\(plan.errors)")
            #expect(!plan.output.contains("teacher →") && !plan.output.contains("label →"))
            let result = try command.start(["run", "tiny.yaml"] + changes).finish()
            #expect(result.status == 0, "\(result.errors)")
            let report = try report(command, "runs")
            let models = try #require(report["models"] as? [String: [String: Any]])
            #expect(Set(models.keys) == ["labels_only", "student", "pruned", "int8"])
            #expect(report["reference"] as? String == "labels_only")
            let metrics = try #require(models["student"]?["metrics"] as? [String: Double])
            #expect(metrics["accuracy"]! > 0.8)
        }
    }

    @Test("mix several teachers as label mix does, by the rule that the recipe gives")
    func mix() throws {
        try withAnswers { command, changes in
            #expect(try command.run("label", "mix", "m.h5", "a.h5:3", "b.h5:1").status == 0)
            #expect(try command.run("label", "mix", "c.h5", "b.h5", "a.h5", "--rule", "most_confident").status == 0)
            func firstLoss(_ folder: String, _ targets: String) throws -> Double {
                let result = try command.start(
                    ["train", "tiny.yaml"] + changes + ["teacher={targets: \(targets)}", "run.directory=\(folder)"]
                ).finish()
                #expect(result.status == 0, "\(result.errors)")
                return try TinyRecipe.firstStudentLoss(in: command, folder)
            }
            let mixed = try firstLoss("mixed", "{mix: {files: [a.h5, b.h5], weights: [3, 1]}}")
            #expect(try mixed == firstLoss("named", "{file: m.h5}"))
            let sure = try firstLoss("sure", "{mix: {files: [b.h5, a.h5], rule: most_confident}}")
            #expect(try sure == firstLoss("named-sure", "{file: c.h5}") && sure == firstLoss("a", "{file: a.h5}"))
            #expect(mixed != sure)

            // A recording that changed is mixed anew.
            let run = try #require(
                FileManager.default.contentsOfDirectory(
                    atPath: command.folder.appendingPathComponent("mixed").path
                ).first)
            let file = command.folder.appendingPathComponent("mixed/\(run)/targets/mixed.h5")
            let before = try Data(contentsOf: file)
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("a.h5"))
            try FileManager.default.copyItem(
                at: command.folder.appendingPathComponent("b.h5"), to: command.folder.appendingPathComponent("a.h5"))
            #expect(try command.run("train", "mixed/\(run)").status == 0)
            #expect(try Data(contentsOf: file) != before)
        }
    }

    @Test("that cannot work are refused with every problem and its way out")
    func refusals() throws {
        try withAnswers { command, changes in
            let cases = [
                (
                    ["student.hidden=null", "student.initialize=teacher_layers"],
                    ["student.hidden", "student.initialize"]
                ),
                (["tokenizer={}"], ["tokenizer.directory"]),
                (["teacher={targets: {file: a.h5, mix: {files: [a.h5, b.h5]}}}"], ["found both file and mix"]),
                (["teacher={targets: {mix: {files: [a.h5, b.h5], weights: [1]}}}"], ["1 weights for 2 files"]),
                (
                    ["teacher={targets: {mix: {files: [a.h5, b.h5], weights: [1, 2], rule: most_confident}}}"],
                    ["most_confident takes no weights"]
                ),
                (
                    ["teacher={targets: {mix: {files: [a.h5, b.h5]}}}", "loss.features={pairs: [[1, 1]]}"],
                    ["cannot be mixed"]
                ),
                (["loss.features={pairs: [[1, 1]]}"], ["hidden_states/1"]),
                (["teacher.targets.file=none.h5"], ["there is no such file"]),
                (["evaluate.gates={accuracy: '>= teacher'}"], ["unknown model"]),
                (["teacher={}"], ["there is no teacher"]),
                (["tokenizer={directory: nowhere}"], ["nowhere"]),
                (["data.max_length=8"], ["no targets for the token row"]),
            ]
            for (change, words) in cases {
                let result = try command.start(["check", "tiny.yaml"] + changes + change).finish()
                #expect(result.status == 2, "\(change): \(result.output)")
                for words in words { #expect(result.errors.contains(words), "\(change): \(result.errors)") }
            }
        }
    }

    @Test("teach a language model on the prompts with their answers, at the tokens that the answers speak of")
    func languageModel() throws {
        try LetterModel.with { command in
            func response(_ row: Int) -> String {
                // Every answer is "ge", of which the teacher is fairly sure.
                let tokens = [("g", 0.7, "c"), ("e", 0.8, "d")].map { token, probability, other in
                    "{\"token\": \"\(token)\", \"logprob\": \(log(probability)), \"top_logprobs\": [{\"token\": \"\(token)\", "
                        + "\"logprob\": \(log(probability))}, {\"token\": \"\(other)\", \"logprob\": \(log(0.1))}]}"
                }
                return
                    "{\"id\": \"r\(row)\", \"object\": \"chat.completion\", \"model\": \"m\", \"choices\": [{\"index\": 0, "
                    + "\"message\": {\"role\": \"assistant\", \"content\": \"ge\"}, \"logprobs\": {\"content\": ["
                    + tokens.joined(separator: ", ") + "]}, \"finish_reason\": \"stop\"}]}\n"
            }
            let letters = Array("abcdefghijklmnopqrstuv")
            let prompts = (0..<40).map { row -> String in
                let chosen = (0..<4).map { letters[(row * 7 + $0 * (row + 3)) % 22] }
                return String(chosen)
            }
            try command.write("text\n" + prompts.map { "\"\($0)\"\n" }.joined(), to: "prompts.csv")
            try command.write((0..<40).map(response).joined(), to: "answers.jsonl")
            let labelled = try command.run(
                "label", "answers", "answers.jsonl", "--data", "prompts.csv", "--tokenizer", "model", "--tokens",
                "--max-length", "16", "--keep", "4", "--output", "answers.h5")
            #expect(labelled.status == 0, "\(labelled.errors)")
            try command.write(
                """
                schema: 1
                name: served
                task: language-model
                data: {train: answers.h5, validation: answers.h5, test: answers.h5, max_length: 16}
                teacher: {model: model, targets: {file: answers.h5}}
                student: {layers: 2, dropout: 0, initialize: teacher_layers}
                loss: {cross_entropy: 0, kl: {weight: 1, temperature: 1}}
                train: {epochs: 30, batch: 8, learning_rate: 5.0e-3, precision: float32}
                export: [safetensors]
                """, to: "served.yaml")
            let plan = try command.run("check", "served.yaml")
            #expect(plan.status == 0 && plan.output.contains("answers.h5"), "\(plan.errors)")
            let result = try command.run("run", "served.yaml")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("Base model") && !result.output.contains("Teacher"), "\(result.output)")
            let runs = command.folder.appendingPathComponent("runs")
            let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
            let predicted = try command.run(
                "predict", "runs/\(run)/export", "--max-tokens", "2",
                input: prompts[..<8].joined(separator: "\n") + "\n")
            let answers = predicted.output.split(separator: "\n").count { $0.contains("\"text\":\"ge\"") }
            #expect(answers >= 6, "\(predicted.output)")
            let short = try command.run("check", "served.yaml", "data.max_length=5")
            let few = try command.run("check", "served.yaml", "data.limit=5")
            #expect(few.status == 0 && few.output.contains("windows      5 of"), "\(few.output)")
            #expect(short.status == 2 && short.errors.contains("a row of"), "\(short.errors)")
        }
    }
}
