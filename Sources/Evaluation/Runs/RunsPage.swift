import Mustache

extension RunsReport {
    /// One self-contained page, without script and without any request to elsewhere.
    public func html() throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        return try MustacheTemplate(string: RunsTemplate.page).render(RunsPage(self))
    }
}

/// What the template shows, as text. Names in it are the names in `RunsTemplate`.
private struct RunsPage {
    struct Row {
        let style = ""
        var run: String
        var cells: [ReportPage.Cell]
    }

    let style = ReportStyle.sheet
    let recipe: String
    let headline: String
    let lead: String
    let columns: [String]
    let rows: [Row]
    let figures: [ReportPage.Figure]
    let paths: [RunRecord.Fact]

    init(_ report: RunsReport) {
        let metric = report.metric
        let ordered = report.runs.sorted {
            let (a, b) = (
                $0.models[$0.subject]!.metrics[metric.rawValue]!, $1.models[$1.subject]!.metrics[metric.rawValue]!
            )
            return metric.isCost ? a.value < b.value : a.value > b.value
        }
        let best = ordered[0]
        let value = best.models[best.subject]!.metrics[metric.rawValue]!
        recipe = "\(report.runs.count) runs"
        headline = "\(RunsReport.name(best)) is best: \(metric.title) \(metric.written(value.value))"
        let failed = report.runs.count { !$0.passed }
        let rivals = ordered.dropFirst().filter {
            let other = $0.models[$0.subject]!.metrics[metric.rawValue]!
            return other.low < other.high && other.low <= value.high && other.high >= value.low
        }
        let doubt =
            rivals.isEmpty || value.low == value.high
            ? "" : " Its 95% interval overlaps that of \(Notation.counted(rivals.count, "other run"))."
        lead =
            (failed == 0 ? "No gate failed." : "\(Notation.counted(failed, "run")) failed a gate.")
            + (report.haveSameData
                ? " All have the same data."
                : " Their data differ: the numbers are not those of one comparison.") + doubt
        let columns = Array(report.columns.dropFirst())
        self.columns = columns
        rows = report.cells.enumerated().map {
            Row(run: "\($0 + 1) \($1[0])", cells: ReportPage.Cell.row(columns, Array($1.dropFirst())))
        }
        // Names of twenty models would hide the marks: those that were judged have the number of their run.
        let points = report.runs.enumerated().flatMap { index, run in
            run.models.sorted { $0.key < $1.key }.compactMap { key, model -> ParetoChart.Point? in
                guard let latency = model.latencyMs, let quality = model.metrics[metric.rawValue]?.value,
                    let bytes = model.bytes, bytes > 0
                else { return nil }
                return ParetoChart.Point(
                    name: "\(index + 1) \(model.name)", quality: metric.isCost ? -quality : quality,
                    latency: latency.p50, bytes: Double(bytes),
                    role: key == run.subject ? .subject : key == run.reference ? .reference : .other,
                    isLabelled: key == run.subject)
            }
        }
        figures =
            points.isEmpty
            ? []
            : [
                ReportPage.Figure(
                    caption: "Quality, latency and size of every model, by the number of its run",
                    picture: ParetoChart.markup(
                        points, quality: metric.isCost ? "−\(metric.title)" : metric.title,
                        written: { metric.written(abs($0)) }))
            ]
        paths = report.runs.map { .init(RunsReport.name($0), $0.path) }
    }
}

private enum RunsTemplate {
    static let page =
        ReportTemplate.head + #"""
            <header class="open">
            <p class="eyebrow">Retort report · {{recipe}}</p>
            <h1>{{headline}}</h1>
            <p class="lead">{{lead}}</p>
            </header>
            <section>
            <h2>Runs</h2>
            <p class="note">The judged model of each run, with 95% intervals; agreement is with the reference of its own run.</p>

            """# + ReportTemplate.cells("Runs", ("Run", "run"), columns: "columns", rows: "rows") + #"""

            </section>
            {{^empty(figures)}}<section>
            <h2>What quality costs</h2>
            {{#figures}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
            {{/figures}}
            </section>{{/empty(figures)}}
            <section class="reproduction">
            <h2>Where they are</h2>
            <dl class="digests">{{#paths}}<div><dt>{{name}}</dt><dd><code>{{value}}</code></dd></div>{{/paths}}</dl>
            </section>
            """# + ReportTemplate.foot
}
