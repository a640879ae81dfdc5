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
