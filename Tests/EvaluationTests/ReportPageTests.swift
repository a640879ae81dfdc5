import Evaluation
import Foundation
import Testing

@Suite("The HTML page")
struct ReportPageTests {
    private func page(_ record: RunRecord, _ data: EvaluationData, _ models: [ModelResult]) throws -> String {
        try Report(record: record, data: data, models: models).html()
    }

    @Test("it is one file: no script, no request")
    func selfContained() throws {
        let html = try page(Fixture.record, Fixture.data(), Fixture.models).lowercased()
        for forbidden in ["://", "src=", "<script", "href=", "url(", "@import", "<link", "<img", "<iframe", "onload"] {
            #expect(!html.contains(forbidden), "\(forbidden)")
        }
        #expect(html.contains("default-src 'none'"))
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("@media print"))
    }

    @Test("markup stays text wherever it comes from, even where Unicode joins it to its neighbour")
    func escaping() throws {
        // U+0600 joins the character after it, U+0301 the one before it, into one Character.
        let attacks = [
            "<script>alert(1)</script>", "\u{600}<img onerror=x>", "\"\u{301} onload=x", "{{recipe}}", "'&\u{7}",
        ]
        for attack in attacks {
            var record = RunRecord(
                recipe: attack, resolvedRecipe: attack, environment: [.init(attack, attack)],
                data: [.init(attack, attack)],
                learningCurves: Fixture.record.learningCurves, headScores: Fixture.record.headScores,
                commands: [attack],
                digests: [.init(attack, attack)])
            record.learningCurves[0].stage = attack
            record.learningCurves[0].points[0].terms[attack] = 1
            var data = Fixture.data(
                texts: Array(repeating: attack, count: Fixture.rows), classNames: [attack, "other"])
            data.ids = data.ids.map { $0 + attack }
            var models = Fixture.models
            for i in models.indices {
                models[i].name = attack
                models[i].path = attack
            }
            let html = try page(record, data, models)
            // By scalars: that is how a browser reads it.
            let scalars = html.unicodeScalars.map(String.init).joined(separator: "\u{1}")
            let raw = attack.unicodeScalars.map(String.init).joined(separator: "\u{1}")
            #expect(attack.hasPrefix("{") == scalars.contains(raw), "\(attack)")
            #expect(html.contains("class=\"samples\""))
        }
        let html = try page(
            Fixture.record, Fixture.data(texts: Array(repeating: attacks[0], count: Fixture.rows)), Fixture.models)
        #expect(html.contains("<p class=\"text\">&lt;script&gt;alert(1)&lt;/script&gt;</p>"))
    }

    @Test("every chart has a role, an accessible name and marks")
    func charts() throws {
        let html = try page(Fixture.record, Fixture.data(), Fixture.models)
        let pictures = html.components(separatedBy: "<svg ").dropFirst().map { $0.components(separatedBy: "</svg>")[0] }
        // Quality, latency and size, two costs, the differences, one learning curve, the heads, five reliability curves.
        #expect(pictures.count == 11)
        for picture in pictures {
            #expect(picture.contains("role=\"img\"") && !picture.contains("aria-label=\"\""))
            #expect(picture.contains("<circle") || picture.contains("<rect") || picture.contains("<polyline"))
            #expect(!picture.contains("nan") && !picture.contains("inf\""))
        }
        #expect(html.contains("removed in round 1"))
        #expect(html.components(separatedBy: "class=\"crossed\"").count == 2)
    }

    @Test("it says what report.json says")
    func numbers() throws {
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models)
        let html = try report.html()
        for model in report.models {
            #expect(html.contains(String(format: ">%.1f%%</td>", model.metrics.accuracy.value * 100)))
            #expect(html.contains(String(format: "<td>%.3f</td>", try #require(model.metrics.ece))))
        }
        #expect(html.contains(report.verdict.headline) && html.contains(report.verdict.cost))
        let pair = report.pairs[3]
        #expect(html.contains(">\(pair.flips.lost) lost, \(pair.flips.won) won</td>"))
        let count = zip(report.models[0].predictions.labels, report.models[4].predictions.labels).count { $0 != $1 }
        #expect(html.contains("different labels to \(count) rows"))
        #expect(html.components(separatedBy: "<p class=\"text\">").count == 1 + min(count, 20))
    }

    @Test("the 20 disagreements that are furthest apart are shown, the furthest first")
    func worstFirst() throws {
        let models = [Fixture.models[0], Fixture.model("int8", wrongEvery: 3)]
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: models)
        let (a, b) = (report.models[0].predictions, report.models[1].predictions)
        let divergences = a.divergences(to: b)
        let expected = (0..<Fixture.rows).filter { a.labels[$0] != b.labels[$0] }
            .sorted { (-divergences[$0], "row-\($0)") < (-divergences[$1], "row-\($1)") }
        #expect(expected.count > 30)
        let shown = try report.html().components(separatedBy: "<p class=\"text\">").dropFirst()
            .map { $0.components(separatedBy: "</p>")[0] }
        #expect(shown == expected.prefix(20).map { "text \($0)" })
    }

    @Test("parts without content are left out")
    func sparse() throws {
        var model = Fixture.models[2]
        model.latency = nil
        model.bytes = 0
        let html = try page(RunRecord(recipe: "bare"), Fixture.data(), [model])
        for heading in [
            "Learning curves", "Which attention heads", "Where they disagree", "SHA-256", "Resolved recipe",
        ] {
            #expect(!html.contains(heading), "\(heading)")
        }
        #expect(!html.contains("class=\"tiles\"") && !html.contains("True class</th>"))
        #expect(html.contains("Which classes are confused"))
    }

    @Test("many classes are listed by their confusions instead of a matrix")
    func manyClasses() throws {
        let names = (0..<20).map { "class \($0)" }
        let labels = (0..<60).map { $0 % 20 }
        let data = EvaluationData(
            labels: labels, classNames: names, texts: labels.map { "t\($0)" }, ids: labels.indices.map(String.init))
        var logits = [Float](repeating: 0, count: 60 * 20)
        for (row, label) in labels.enumerated() { logits[row * 20 + (label == 3 ? 4 : label)] = 5 }
        var model = Fixture.models[0]
        model.logits = logits
        let html = try page(Fixture.record, data, [model])
        #expect(!html.contains("class=\"confusion\""))
        #expect(html.contains("<th scope=\"row\">class 3</th><td>class 4</td><td>3</td>"))
    }

    @Test("extreme values are drawn without a crash")
    func extremes() throws {
        var record = Fixture.record
        record.learningCurves = [
            LearningCurve(
                stage: "wild",
                points: [
                    .init(step: .min, loss: -1.7e308), .init(step: 0, loss: 1.7e308), .init(step: .max, loss: 1e-300),
                ]),
            LearningCurve(stage: "one", points: [.init(step: 5, loss: 0)]), LearningCurve(stage: "none", points: []),
        ]
        record.headScores = [HeadScore(layer: 0, head: 0, score: -1e308, low: -1.7e308, high: 1.7e308)]
        var models = Fixture.models
        models[0].bytes = .max
        models[1].parameters = .max
        models[1].latency = LatencySummary(p50: 1e-300, p90: 1, p99: 1.7e308, queries: .max, threads: .max)
        models[2].logits = models[2].logits.map { $0 * 5e37 }
        let report = try Report(record: record, data: Fixture.data(), models: models)
        #expect(try report.html().contains("Learning curve of one"))
        #expect(!report.table().isEmpty)
        #expect(try !report.json().isEmpty)
    }
}
