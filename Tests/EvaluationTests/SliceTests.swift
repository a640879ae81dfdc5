import Evaluation
import Files
import Testing

@Suite("Slices and strict gates")
struct SliceTests {
    @Test("a column's values are slices, in their order; too many are refused")
    func columns() throws {
        let slices = try Slice.by(column: "kind", values: ["b", "a", "b", ""])
        #expect(slices.map(\.value) == ["", "a", "b"] && slices.map(\.rows) == [[3], [1], [0, 2]])
        let error = #expect(throws: InputError.self) {
            try Slice.by(column: "kind", values: (0...Slice.mostValues).map(String.init))
        }
        #expect(error?.field == "kind")
    }

    @Test("quarters by length hold every row once, whatever the order; rows of one length stay together")
    func lengths() {
        let texts = (1...10).map { String(repeating: "x", count: $0) }
        #expect(Slice.byLength(texts).map(\.rows) == [[0, 1, 2], [3, 4], [5, 6], [7, 8, 9]])
        let reversed = Slice.byLength(texts.reversed()).map { $0.rows.map { 9 - $0 }.sorted() }
        #expect(reversed == Slice.byLength(texts).map(\.rows))
        #expect(Slice.byLength(["a", "b", "c"]).map(\.rows.count) == [3, 0, 0, 0])
        let parts = [
            "quarter 1: 1–2 characters", "quarter 2: no row", "quarter 3: 4 characters", "quarter 4: 5 characters",
        ]
        #expect(Slice.byLength(["a", "bb", "cc", "dddd", "eeeee"]).map(\.value) == parts)
        #expect(Slice.byLength(["a", "b"])[0].value == "quarter 1: 1 character")
    }

    @Test("a slice says what the rows in it say alone")
    func results() throws {
        var data = Fixture.data()
        let chosen = (0..<Fixture.rows).filter { $0 % 3 == 0 }
        data.slices = [
            Slice(column: "kind", value: "third", rows: chosen), Slice(column: "kind", value: "no", rows: []),
        ]
        let report = try Report(record: Fixture.record, data: data, models: Fixture.models)
        let third = report.slices[0]
        let right = chosen.count { report.models[4].predictions.labels[$0] == data.labels[$0] }
        #expect(third.metrics["int8"]?.accuracy.value == Double(right) / Double(chosen.count))
        #expect(third.pairs.first { $0.b == "int8" }?.rows == chosen.count)
        #expect(report.slices[1].metrics.isEmpty && report.slices[1].pairs.isEmpty)
        #expect(try report.html().contains("Where the difference lies"))
    }

    @Test("a strict gate looks at the end of the interval, and the rows that were lost are named")
    func strict() throws {
        let gate = try Gate(metric: "accuracy", expression: ">= 0.94*teacher")
        func report(strict: Bool) throws -> Report {
            try Report(
                record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: [gate], strict: strict,
                seed: 5)
        }
        #expect(try report(strict: false).passed)
        let judged = try report(strict: true)
        let margin = try #require(judged.gates[0].margin)
        #expect(!judged.passed && margin.low < 0 && margin.value > 0 && margin.high > margin.value)
        let (mine, theirs) = (judged.models[4].predictions.labels, judged.models[0].predictions.labels)
        let lost = judged.data.labels.indices.filter {
            mine[$0] != judged.data.labels[$0] && theirs[$0] == judged.data.labels[$0]
        }
        #expect(Set(judged.failingRows) == Set(lost) && !lost.isEmpty)
    }

    @Test("a strict gate on the divergence resamples what each row says")
    func strictDivergence() throws {
        let gate = try Gate(metric: "kl_mean", expression: "<= 0.5")
        let report = try Report(
            record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: [gate], strict: true, seed: 3)
        let order = report.data.texts.indices.sorted { report.data.texts[$0] < report.data.texts[$1] }
        let rows = report.models[0].predictions.divergences(to: report.models[4].predictions)
        let expected = Bootstrap.statistic(rows: rows.count, seed: 3) { drawn in
            drawn.reduce(0) { $0 + rows[order[$1]] } / Double(drawn.count) - 0.5
        }
        #expect(report.gates[0].margin == expected && expected.low < expected.high)
    }

    @Test("the terminal shows the slices that were asked for")
    func lines() throws {
        var data = Fixture.data()
        data.slices = [
            Slice(column: "kind", value: "even", rows: [0, 2, 4]), Slice(column: "other", value: "x", rows: [1]),
        ]
        let report = try Report(record: Fixture.record, data: data, models: Fixture.models)
        let lines = report.sliceLines(["kind"])
        #expect(lines.count == 3 && lines[1].hasPrefix("kind") && lines[1].contains("INT8"), "\(lines)")
        #expect(lines[2].hasPrefix("even") && lines[2].contains("100.0%") && lines[1].count == lines[2].count)
    }

    @Test("answers without probabilities have no calibration and no divergence, and gates on them are refused")
    func labelsAlone() throws {
        var models = [Fixture.models[0], Fixture.models[4]]
        models[1].labels = Fixture.data().labels
        models[1].logits = []
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: models)
        #expect(report.models[1].metrics.ece == nil && report.pairs[0].divergence == nil)
        #expect(report.models[1].metrics.accuracy.value == 1 && report.pairs[0].flips.lost == 0)
        #expect(try !report.html().isEmpty && !report.json().isEmpty && !report.samples().isEmpty)
        let gate = try Gate(metric: "ece", expression: "<= 0.1")
        #expect(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: Fixture.data(), models: models, gates: [gate])
        }
    }
}
