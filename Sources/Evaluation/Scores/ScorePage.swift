import Mustache

extension ScoreReport {
    /// `report.html`: one self-contained page, without script and without any request to elsewhere.
    public func html() throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        return try MustacheTemplate(string: ScoreTemplate.page).render(ScorePage(self))
    }
}

/// What the template shows, as text. Names in it are the names in `ScoreTemplate`.
struct ScorePage {
    struct Row {
        var style: String
        var model: String
        var cells: [ReportPage.Cell]
    }

    struct SliceTable {
        var column: String
        var columns: [String]
        var rows: [Row]
    }

    struct SampleRow {
        struct Answer {
            var model: String
            var text: String
        }

        var id: String
        var text: String
        var expected: String
        var answers: [Answer]
    }

    let style = ReportStyle.sheet
    let recipe: String
    let headline: String
    let lead: String
    let certainty: String
    let verdictStyle: String
    let gates: [ReportPage.GateRow]
    let judgedOn: String
    let referenceName: String
    let columns: [String]
    let rows: [Row]
    let pairColumns = Self.pairColumns
    let pairs: [Row]
    let slices: [SliceTable]
    let samples: [SampleRow]
    let curves: [ReportPage.Figure]
    let repetition: Repetition

    init(_ report: ScoreReport) {
        recipe = report.record.recipe
        let subject = report.models.first { $0.key == report.subject }!
        let reference = report.models.first { $0.key == report.reference }!
        let metric = report.metrics.alone.first ?? report.metrics.compared.first
        func figure(_ model: ScoreReport.Model) -> String {
            metric.flatMap { metric in model.value(metric).map { "\(metric.title) \(metric.written($0))" } } ?? ""
        }
        let figures =
            "\(subject.name): \(figure(subject))"
            + (subject.key == reference.key || figure(reference).isEmpty
                ? "" : "; \(reference.name): \(figure(reference))")
        let cost = Self.cost(subject, reference)
        (headline, lead) =
            Verdict.onGates(report.gates, subject.name).map { ($0, "\(figures). \(cost)") } ?? (figures, cost)
        certainty = Self.certainty(subject, reference)
        verdictStyle = report.gates.isEmpty ? "open" : report.passed ? "passed" : "failed"
        gates = report.gates.map(ReportPage.GateRow.init)
        judgedOn = report.data
        referenceName = reference.name
        let columns = Array(report.columns.dropFirst())
        self.columns = columns
        rows = report.cells.enumerated().map { index, cells in
            Row(
                style: report.models[index].key == report.subject ? "subject" : "", model: cells[0],
                cells: ReportPage.Cell.row(columns, Array(cells.dropFirst())))
        }
        pairs = report.models.compactMap { model in
            model.paired.map { paired -> Row in
                let cells = [
                    paired.error, paired.difference.described(Notation.significant),
                    Notation.pValue(paired.wilcoxonP),
                    "\(Notation.count(paired.worse)) worse, \(Notation.count(paired.better)) better",
                    Notation.significant(paired.minimumDetectableEffect),
                ]
                return Row(style: "", model: model.name, cells: ReportPage.Cell.row(Self.pairColumns, cells))
            }
        }
        slices = Self.sliceTables(report)
        samples = report.worstSamples(limit: 20).map { sample in
            SampleRow(
                id: sample.id, text: Self.cut(sample.text), expected: Self.cut(sample.expected ?? Notation.none),
                answers: report.models.compactMap { model in
                    sample.answers[model.key].map { .init(model: model.name, text: Self.cut($0)) }
                })
        }
        curves = ReportPage.Figure.curves(of: report.record)
        repetition = Repetition(report.record, paths: report.models.map { .init($0.name, $0.path) })
    }
}

extension ScorePage {
    static let pairColumns = ["Error", "Difference", "Wilcoxon p", "Rows", "Detectable"]

    /// What the judged model costs beside the reference, as far as it is known.
    static func cost(_ subject: ScoreReport.Model, _ reference: ScoreReport.Model) -> String {
        guard subject.key != reference.key else { return "There is no second model to compare it with." }
        var gains: [String] = []
        func add(_ ratio: Double, _ better: String, _ worse: String) {
            gains.append(
                ratio >= 1 ? "\(Notation.ratio(ratio)) \(better)" : "\(Notation.ratio(1 / ratio)) \(worse)")
        }
        if let own = subject.bytes, let other = reference.bytes, own > 0, other > 0 {
            add(Double(other) / Double(own), "smaller", "larger")
        }
        if let own = subject.latency, let other = reference.latency {
            add(other.p50 / own.p50, "faster", "slower")
        }
        return gains.isEmpty ? "" : "It is \(gains.joined(separator: " and ")) than \(reference.name)."
    }

    /// What the rows allow to say.
    static func certainty(_ subject: ScoreReport.Model, _ reference: ScoreReport.Model) -> String {
        guard let paired = subject.paired else { return "" }
        let (difference, found) = (paired.difference, Notation.significant(paired.minimumDetectableEffect))
        let interval = difference.described(Notation.significant)
        let start = "Its error (\(paired.error)) minus that of \(reference.name) is \(interval)"
        guard difference.includesZero else {
            return "\(start): the \(difference.value > 0 ? "loss" : "gain") is more than chance "
                + "(Wilcoxon p \(Notation.comparedP(paired.wilcoxonP)))."
        }
        return "\(start). The interval includes zero: these rows show no difference, and would find one of \(found) or "
            + "more four times out of five."
    }

    static func cut(_ text: String) -> String {
        text.count > 600 ? "\(text.prefix(600))… (\(Notation.count(text.count)) characters)" : text
    }
}

extension Estimate {
    /// `0.12 (0.10 to 0.14)`.
    func described(_ written: (Double) -> String) -> String {
        "\(written(value)) (\(written(low)) to \(written(high)))"
    }
}
