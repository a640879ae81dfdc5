import Evaluation
import Files
import Foundation
import Testing

@Suite("Several runs side by side")
struct RunsReportTests {
    /// Writes a report into a folder of a temporary one.
    private func with(_ names: [String], _ body: ([String]) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (index, name) in names.enumerated() {
            let models = [Fixture.models[0], Fixture.model("int8", wrongEvery: 6 + 8 * index)]
            try Report(record: Fixture.record, data: Fixture.data(), models: models)
                .write(to: root.appendingPathComponent(name))
        }
        try body(names.map { root.appendingPathComponent($0).path })
    }

    @Test("says what each report says, and names the best")
    func sideBySide() throws {
        try with(["first", "second"]) { paths in
            let runs = try paths.map { path throws(InputError) in try StoredReport(of: path) }
            let report = try RunsReport(runs)
            #expect(report.metric == .accuracy && report.haveSameData)
            let accuracy = try #require(runs[1].models["int8"]?.metrics["accuracy"])
            #expect(accuracy.low < accuracy.value && accuracy.value < accuracy.high)
            let html = try report.html()
            #expect(html.contains("second is best: Accuracy \(String(format: "%.1f%%", accuracy.value * 100))"))
            #expect(html.contains("<svg") && !html.contains("://"))
            #expect(report.table().split(separator: "\n").count == 3)
            let object = try JSONSerialization.jsonObject(with: report.json()) as? [String: Any]
            #expect((object?["runs"] as? [Any])?.count == 2 && object?["same_data"] as? Bool == true)
        }
    }

    @Test("what a model is judged by against another stands with it: similarity, and agreement")
    func pairs() throws {
        try with(["first", "second"]) { paths in
            for path in paths {
                let file = URL(fileURLWithPath: path + "/report.json")
                var document = try #require(
                    JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
                var models = try #require(document["models"] as? [String: [String: Any]])
                for key in models.keys { models[key]?["metrics"] = [String: Any]() }
                func estimate(_ value: Double) -> [String: Double] {
                    ["value": value, "low": value - 0.01, "high": value + 0.01]
                }
                (document["models"], document["schema"], document["task"]) = (models, 2, "embedding")
                document["pairs"] = [
                    [
                        "a": document["reference"]!, "b": document["subject"]!,
                        "metrics": ["similarity": estimate(0.8), "agreement": estimate(0.75)],
                    ] as [String: Any]
                ]
                try JSONSerialization.data(withJSONObject: document).write(to: file)
            }
            let report = try RunsReport(paths.map { path throws(InputError) in try StoredReport(of: path) })
            #expect(report.metric == .similarity)
            #expect(report.table().contains("75.0%") && report.table().contains("0.8"), "\(report.table())")
        }
    }

    @Test("numbers that no report has are refused with their place, before they are drawn")
    func absurd() throws {
        try with(["only"]) { paths in
            let file = URL(fileURLWithPath: paths[0] + "/report.json")
            let original = try Data(contentsOf: file)
            let changes: [(String, (inout [String: Any]) -> Void)] = [
                ("models.int8.latency_ms", { model in model["latency_ms"] = Self.latency(p50: 0) }),
                ("models.int8.latency_ms", { model in model["latency_ms"] = Self.latency(p50: -3) }),
                ("models.int8.bytes", { $0["bytes"] = -1 }), ("models.int8.parameters", { $0["parameters"] = -1 }),
                ("models.int8.metrics.accuracy", { $0["metrics"] = ["accuracy": 7] }),
                ("models.int8.metrics.kl_mean", { $0["metrics"] = ["kl_mean": 1e300] }),
            ]
            for (place, change) in changes {
                var document = try #require(JSONSerialization.jsonObject(with: original) as? [String: Any])
                var models = try #require(document["models"] as? [String: [String: Any]])
                change(&models["int8"]!)
                document["models"] = models
                try JSONSerialization.data(withJSONObject: document).write(to: file)
                let error = #expect(throws: InputError.self, "\(place)") { try StoredReport(of: paths[0]) }
                #expect(error?.field == place && error?.file == file.path)
            }
            var document = try #require(JSONSerialization.jsonObject(with: original) as? [String: Any])
            document["schema"] = 9
            try JSONSerialization.data(withJSONObject: document).write(to: file)
            #expect(#expect(throws: InputError.self) { try StoredReport(of: paths[0]) }?.field == "schema")
            document["schema"] = nil
            try JSONSerialization.data(withJSONObject: document).write(to: file)
            let error = #expect(throws: InputError.self) { try StoredReport(of: paths[0]) }
            #expect(error?.problem.contains("schema is missing") == true)
        }
    }

    private static func latency(p50: Double) -> [String: Any] {
        ["p50": p50, "p90": 2.0, "p99": 3.0, "queries": 4, "threads": 1]
    }

    @Test("a folder without a report, a damaged one and the same run twice are refused by name")
    func refusals() throws {
        try with(["only"]) { paths in
            let run = try StoredReport(of: paths[0])
            #expect(throws: InputErrors.self) { try RunsReport([run, run]) }
            #expect(throws: InputError.self) { try StoredReport(of: paths[0] + "/nothing") }
            try "{}".write(toFile: paths[0] + "/report.json", atomically: true, encoding: .utf8)
            let error = #expect(throws: InputError.self) { try StoredReport(of: paths[0]) }
            #expect(error?.problem.contains("no report") == true)
        }
    }
}
