import Evaluation
import Files
import Foundation
import Testing

@Suite("Report")
struct ReportTests {
    private func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("report.json has the documented keys, and the numbers of the report")
    func json() throws {
        let gate = try Gate(metric: "accuracy", expression: ">= 0.5")
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: [gate])
        let root = try object(report.json())
        #expect(
            root.keys.sorted() == [
                "class_names", "commands", "data", "digests", "environment", "failing_rows", "gates", "head_importance",
                "learning_curves",
                "models", "pairs", "passed", "recipe", "reference", "resolved_recipe", "rows", "schema", "slices",
                "subject",
            ])
        #expect(root["schema"] as? Int == 2 && root["passed"] as? Bool == true && root["recipe"] as? String == "demo")
        #expect(root["reference"] as? String == "teacher" && root["subject"] as? String == "int8")

        let models = try #require(root["models"] as? [String: [String: Any]])
        #expect(models.keys.sorted() == ["int8", "labels_only", "pruned", "student", "teacher"])
        let int8 = try #require(models["int8"])
        #expect(
            int8.keys.sorted() == [
                "bytes", "confusion", "feed_forward", "heads", "latency_ms", "metrics", "name", "parameters", "path",
                "per_class", "reliability",
            ])
        let metrics = try #require(int8["metrics"] as? [String: Double])
        #expect(
            metrics.keys.sorted() == [
                "accuracy", "accuracy_high", "accuracy_low", "ece", "macro_f1", "matthews", "nll",
            ])
        // In the text: reading a number back may cost its last bit.
        let text = String(decoding: try report.json(), as: UTF8.self)
        for metrics in report.models.map(\.metrics) {
            #expect(text.contains("\"accuracy\" : \(metrics.accuracy.value),"))
            #expect(text.contains("\"ece\" : \(try #require(metrics.ece)),"))
        }
        #expect(int8["bytes"] as? Int == 800_000 && int8["heads"] as? [Int] == [4, 3])
        #expect((int8["latency_ms"] as? [String: Double])?["p90"] == 0.6)

        let pairs = try #require(root["pairs"] as? [[String: Any]])
        #expect(
            pairs.map { "\($0["a"] ?? "")-\($0["b"] ?? "")" } == [
                "teacher-labels_only", "teacher-student", "teacher-pruned", "teacher-int8", "labels_only-student",
                "student-pruned", "pruned-int8",
            ])
        #expect(
            pairs[3].keys.sorted() == [
                "a", "accuracy_difference", "agreement", "b", "flips", "kl_mean", "kl_p50", "kl_p90", "kl_p99",
                "kl_standard_error", "mcnemar_p", "minimum_detectable_effect", "n", "wilcoxon_p",
            ])
        let difference = try #require(pairs[3]["accuracy_difference"] as? [String: Double])
        for (key, value) in [
            ("value", report.pairs[3].accuracyDifference.value), ("low", report.pairs[3].accuracyDifference.low),
            ("high", report.pairs[3].accuracyDifference.high),
        ] {
            #expect(abs(try #require(difference[key]) - value) < 1e-12, "\(key)")
        }
        #expect(Set(try #require(pairs[3]["flips"] as? [String: Int]).keys) == ["lost", "won"])
        let gates = try #require(root["gates"] as? [[String: Any]])
        #expect(gates[0].keys.sorted() == ["gate", "passed", "threshold", "value"])
        let curves = try #require(root["learning_curves"] as? [[String: Any]])
        #expect((curves[0]["points"] as? [Any])?.count == 120)
    }

    @Test("the same input gives the same bytes, and the files that are written are those bytes")
    func determinism() throws {
        func report() throws -> Report {
            try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, seed: 3)
        }
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let (first, second) = (try report(), try report())
        try first.write(to: directory)
        #expect(try Data(contentsOf: directory.appendingPathComponent("report.json")) == second.json())
        #expect(try Data(contentsOf: directory.appendingPathComponent("report.html")) == Data(second.html().utf8))
        #expect(try Data(contentsOf: directory.appendingPathComponent("samples.jsonl")) == second.samples())
    }

    @Test("samples.jsonl has one line per row, whatever stands in the texts")
    func samples() throws {
        var texts = (0..<Fixture.rows).map { "text \($0)" }
        texts[1] = "two\nlines, a \"quote\", a \u{2028} separator and a \u{0} null"
        let report = try Report(record: Fixture.record, data: Fixture.data(texts: texts), models: Fixture.models)
        let lines = try report.samples().split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == Fixture.rows)
        let row = try object(lines[1])
        #expect(row["id"] as? String == "row-1" && row["text"] as? String == texts[1])
        #expect(row["label"] as? String == "injection")
        let answers = try #require(row["models"] as? [String: [String: Any]])
        #expect(answers.count == 5)
        let teacher = try #require(answers["teacher"])
        #expect(teacher["label"] as? String == "injection")
        // Margin 0.5 + 7/10: the logits are −1.2 and 1.2.
        let probability = try #require(teacher["probability"] as? Double)
        #expect(abs(probability - 1 / (1 + exp(-2.4))) < 1e-6)
    }

    @Test("the terminal table is aligned, complete and at most 100 columns wide")
    func table() throws {
        var models = Fixture.models
        models[1].name = "A student with a name that is much longer than any table has room for in a terminal"
        models[2].latency = nil
        models[0].parameters = 123_456_789
        let lines = try Report(record: Fixture.record, data: Fixture.data(), models: models).table()
            .split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines.allSatisfy { $0.count == lines[0].count && $0.count <= 100 })
        #expect(lines[2].hasPrefix("Teacher ") && lines[2].contains("123,456,789") && lines[2].contains("16.0 MB"))
        #expect(lines[2].contains("97.5% (92.9–99.1)") && lines[2].hasSuffix("4.00 ms"))
        #expect(lines[3].contains("…"))
        #expect(lines[4].hasSuffix("–"))
    }

    @Test("the verdict says what was gained and lost, with numbers")
    func verdict() throws {
        let gate = try Gate(metric: "accuracy", expression: ">= 0.5")
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: [gate])
        #expect(report.verdict.headline == "INT8 passes its gate.")
        #expect(report.verdict.cost.hasPrefix("It is 20.0× smaller and 8.0× faster than Teacher. Its accuracy is "))
        let points = String(format: "%.1f points lower", -report.pairs[3].accuracyDifference.value * 100)
        #expect(report.verdict.cost.contains(points))
        let alone = try Report(record: Fixture.record, data: Fixture.data(), models: [Fixture.models[2]])
        #expect(alone.pairs.isEmpty && alone.passed)
        #expect(alone.verdict.headline == "Student: no gates were set.")
    }

    @Test("rows and models that do not pair up are all named and refused")
    func refusals() throws {
        var data = Fixture.data()
        data.labels[5] = 2
        data.ids[7] = "row-0"
        data.texts.removeLast()
        var models = Fixture.models
        models[0].logits.removeLast()
        models[1].logits[3] = .nan
        models[2].key = "teacher"
        models[3].key = "not a key"
        let error = try #require(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: data, models: models)
        }
        let text = error.description
        for expected in [
            "row 5 has class 2", "\"row-0\" names two rows", "119 for 120 labels", "239 logits; expected 120 rows × 2",
            "row 1, class 1 is nan", "two models have this key", "\"not a key\" is not a model key",
        ] {
            #expect(text.contains(expected), "\(expected) in:\n\(text)")
        }
    }

    @Test("no rows, one class, no models, unknown keys and lone models with paired gates are refused")
    func emptyInput() throws {
        let empty = EvaluationData(labels: [], classNames: ["only"], texts: [], ids: [])
        let error = try #require(throws: InputErrors.self) {
            try Report(record: .init(recipe: ""), data: empty, models: [])
        }
        #expect(error.errors.count == 3)
        #expect(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, subject: "int4")
        }
        let gate = try Gate(metric: "agreement", expression: ">= 0.9")
        #expect(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: Fixture.data(), models: [Fixture.models[0]], gates: [gate])
        }
        let missing = try Gate(metric: "accuracy", expression: ">= teacher")
        #expect(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: Fixture.data(), models: [Fixture.models[2]], gates: [missing])
        }
    }

    @Test("curves and scores that cannot be drawn are refused")
    func badRecord() throws {
        var record = Fixture.record
        record.learningCurves[0].points[4].loss = .infinity
        record.learningCurves.append(
            LearningCurve(stage: "back", points: [.init(step: 2, loss: 1), .init(step: 1, loss: 1)]))
        record.headScores[0].score = .nan
        record.headScores[1].head = 1 << 40
        let error = try #require(throws: InputErrors.self) {
            try Report(record: record, data: Fixture.data(), models: Fixture.models)
        }
        #expect(error.errors.count == 4)
    }
}
