import Mustache

extension Migration {
    /// `compare.html`: one self-contained page, without script and without any request to elsewhere.
    public func html() throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        return try MustacheTemplate(string: MigrationTemplate.page).render(MigrationPage(self))
    }
}

/// What the template shows, as text. Names in it are the names in `MigrationTemplate`.
struct MigrationPage {
    struct GroupTable {
        struct Row {
            var name: String
            var cells: [String]
        }

        var title: String
        var rows: [Row]
    }

    struct Change {
        var name: String
        var old: String
        var new: String
        var change: String
    }

    struct SampleRow {
        var id: String
        var prompt: String
        var expected: [String]
        var old: String
        var new: String
        var verdict: String
        var style: String
        var risks: String
    }

    let style = ReportStyle.sheet
    let recipe = "compare"
    let headline: String
    let lead: String
    let certainty: String
    let verdictStyle: String
    let gates: [ReportPage.GateRow]
    let verdicts: [String]
    let groups: [GroupTable]
    let figures: [ReportPage.Figure]
    let changes: [Change]
    let unknown: [String]
    let risks: [RunRecord.Fact]
    let samples: [SampleRow]
    let repetition: Repetition

    init(_ migration: Migration) {
        let all = migration.all
        (headline, verdictStyle) = Self.headline(migration)
        let counts = MigrationRow.Verdict.allCases.map { "\(all.verdicts[$0.rawValue] ?? 0) \($0.rawValue)" }
        lead =
            "Of \(Notation.counted(all.rows, "prompt")): \(counts.joined(separator: ", ")). The new version passes "
            + "\(Notation.percent(all.new.passRate.value)), the old one \(Notation.percent(all.old.passRate.value))."
        certainty = Self.certainty(all)
        gates = migration.gates.map(ReportPage.GateRow.init)
        verdicts = MigrationRow.Verdict.allCases.map(\.rawValue)
        let parts = [("Priority", migration.priorities), ("Owner", migration.owners)].filter { !$0.1.isEmpty }
        groups = ([("", [])] + parts).enumerated().map { index, part in
            GroupTable(
                title: index == 0 ? "Prompts" : part.0,
                rows: (index == 0 ? [all] : part.1).map { GroupTable.Row(name: $0.name, cells: Self.cells($0)) })
        }
        let compared = [("All prompts", all)] + parts.flatMap { $0.1 }.prefix(20).map { ($0.name, $0) }
        figures = [
            ReportPage.Figure(
                caption: "Difference of the pass rates, same prompts",
                picture: DifferenceChart.markup(
                    compared.enumerated().map { index, part in
                        .init(name: part.0, difference: part.1.passDifference, isVerdict: index == 0)
                    }, of: "the pass rate", ends: ("fewer pass", "more pass")))
        ]
        changes = Self.changes(all)
        unknown = all.unknown.map { [$0] } ?? []
        risks = all.risks.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map {
            .init($0.key.replacing("_", with: " "), Notation.counted($0.value, "prompt"))
        }
        samples = migration.risky.prefix(20).map(SampleRow.init)
        repetition = Repetition(
            commands: migration.commands,
            paths: [.init("Old", migration.oldPath), .init("New", migration.newPath)], digests: migration.digests)
    }

    private static func headline(_ migration: Migration) -> (String, String) {
        if let verdict = Verdict.onGates(migration.gates, "The new version") {
            return (verdict, migration.gates.allSatisfy(\.passed) ? "passed" : "failed")
        }
        let difference = migration.all.passDifference
        if difference.includesZero {
            return ("The new version passes as often as the old one, as far as these prompts can tell.", "open")
        }
        let points = Notation.fixed(abs(difference.value) * 100, 1)
        return ("The new version passes \(points) points \(difference.value < 0 ? "less" : "more") often.", "open")
    }

    private static func certainty(_ all: MigrationGroup) -> String {
        let difference = all.passDifference
        return "The pass rate changes by \(Notation.points(difference.value)) points (95% interval "
            + "\(Notation.points(difference.low)) to \(Notation.points(difference.high)), McNemar exact p "
            + "\(Notation.comparedP(all.mcnemarP))). These prompts show a change of "
            + "\(Notation.fixed(all.minimumDetectableEffect * 100, 1)) points or more four times out of five."
    }

    private static func cells(_ group: MigrationGroup) -> [String] {
        let difference = group.passDifference
        return [Notation.count(group.rows)]
            + MigrationRow.Verdict.allCases.map { Notation.count(group.verdicts[$0.rawValue] ?? 0) }
            + [group.old, group.new].map {
                "\(Notation.percent($0.passRate.value)) (\(Notation.percentRange($0.passRate)))"
            }
            + [
                "\(Notation.points(difference.value)) (\(Notation.points(difference.low)) to "
                    + "\(Notation.points(difference.high)))"
            ]
    }

    /// What both versions took and reached, as far as it is known of every answer.
    static func changes(_ all: MigrationGroup) -> [Change] {
        func change(
            _ name: String, _ value: (MigrationGroup.Version) -> Double?, _ written: (Double) -> String
        ) -> Change? {
            guard let old = value(all.old), let new = value(all.new) else { return nil }
            return Change(
                name: name, old: written(old), new: written(new),
                change: old > 0 ? "\(Notation.points((new - old) / old))%" : Notation.none)
        }
        func four(_ value: Double) -> String { Notation.fixed(value, 4) }
        func count(_ value: Double) -> String { Notation.count(Int(value)) }
        return [
            change("similarity", \.similarity, four), change("score", \.score, four),
            change("valid JSON", \.jsonRate, Notation.percent),
            change("prompt tokens", { $0.promptTokens.map(Double.init) }, count),
            change("completion tokens", { $0.completionTokens.map(Double.init) }, count),
            change("cost", \.cost, Notation.significant),
            change("latency p50", { $0.latencyMs?.p50 }, Notation.milliseconds),
            change("latency p90", { $0.latencyMs?.p90 }, Notation.milliseconds),
            change("latency p99", { $0.latencyMs?.p99 }, Notation.milliseconds),
        ].compactMap { $0 }
    }
}

extension MigrationPage.SampleRow {
    fileprivate init(_ row: MigrationRow) {
        func cut(_ text: String) -> String { ScorePage.cut(text.isEmpty ? Notation.none : text) }
        id = [row.id, row.priority, row.owner].compactMap { $0 }.joined(separator: ", ")
        prompt = cut(row.prompt)
        expected = row.expected.map { [cut($0)] } ?? []
        (old, new) = (cut(row.old.text), cut(row.new.text))
        verdict = row.verdict.rawValue
        style = row.verdict == .regressed ? "bad" : ""
        risks =
            row.risks.map { $0.rawValue.replacing("_", with: " ") }.joined(separator: ", ")
            + (row.new.jsonFault.map { " (\($0))" } ?? "")
    }
}
