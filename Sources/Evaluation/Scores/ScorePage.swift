import Mustache

extension ScoreReport {
    /// `report.html`: one self-contained page, without script and without any request to elsewhere.
    public func html() throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        return try MustacheTemplate(string: ScoreTemplate.page).render(ScorePage(self))
    }
}

/// What the template shows, as text. Names in it are the names in `ScoreTemplate`.
private struct ScorePage {
    struct Row {
        var style: String
        var model: String
        var cells: [String]
    }

    let style = ReportStyle.sheet
    let recipe: String
    let headline: String
    let verdictStyle: String
    let gates: [ReportPage.GateRow]
    let judgedOn: String
    let referenceName: String
    let columns: [String]
    let rows: [Row]
    let curves: [ReportPage.Figure]
    let paths: [RunRecord.Fact]
    let resolvedRecipe: [String]
    let environment: [RunRecord.Fact]
    let data: [RunRecord.Fact]
    let digests: [RunRecord.Fact]
    let commands: [String]

    init(_ report: ScoreReport) {
        recipe = report.record.recipe
        let subject = report.models.first { $0.key == report.subject }!
        let reference = report.models.first { $0.key == report.reference }!
        let metric = report.metrics.alone.first ?? report.metrics.compared.first
        func figure(_ model: ScoreReport.Model) -> String {
            metric.flatMap { metric in model.value(metric).map { "\(metric.title) \(metric.written($0))" } } ?? ""
        }
        headline =
            "\(subject.name): \(figure(subject))"
            + (subject.key == reference.key || figure(reference).isEmpty
                ? "" : "; \(reference.name): \(figure(reference))")
        verdictStyle = report.gates.isEmpty ? "open" : report.passed ? "passed" : "failed"
        gates = report.gates.map(ReportPage.GateRow.init)
        judgedOn = report.data
        referenceName = reference.name
        columns = Array(report.columns.dropFirst())
        rows = report.cells.enumerated().map { index, cells in
            Row(
                style: report.models[index].key == report.subject ? "subject" : "", model: cells[0],
                cells: Array(cells.dropFirst()))
        }
        curves = report.record.learningCurves.compactMap { curve in
            LearningCurveChart.markup(curve).map {
                ReportPage.Figure(caption: curve.stage.replacing("_", with: " "), picture: $0)
            }
        }
        paths = report.models.map { .init($0.name, $0.path) }
        resolvedRecipe = report.record.resolvedRecipe.isEmpty ? [] : [report.record.resolvedRecipe]
        environment = report.record.environment
        data = report.record.data
        digests = report.record.digests
        commands = report.record.commands
    }
}

/// The page as a Mustache template over `ScorePage`. Everything but the style sheet and the pictures is escaped.
private enum ScoreTemplate {
    static let page =
        ReportTemplate.head + #"""
            <header class="{{verdictStyle}}">
            <p class="eyebrow">Retort report · <bdi>{{recipe}}</bdi></p>
            <h1>{{headline}}</h1>
            {{#gates}}<p class="gate {{style}}"><b>{{outcome}}</b> <code>{{gate}}</code> <span>found {{found}}, limit {{limit}}</span></p>
            {{/gates}}
            </header>
            <section>
            <h2>Models</h2>
            <p class="note">Judged on {{judgedOn}}. In brackets the 95% interval (bootstrap over rows). Agreement, divergence and similarity are with {{referenceName}}.</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Models">
            <table>
            <thead><tr><th>Model</th>{{#columns}}<th>{{.}}</th>{{/columns}}</tr></thead>
            <tbody>
            {{#rows}}<tr class="{{style}}"><th scope="row">{{model}}</th>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
            {{/rows}}
            </tbody>
            </table>
            </div>
            </section>
            {{^empty(curves)}}<section>
            <h2>Learning curves</h2>
            <p class="note">Training loss and its terms by optimizer step.</p>
            <div class="figures">
            {{#curves}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
            {{/curves}}
            </div>
            </section>{{/empty(curves)}}
            """# + ReportTemplate.repetition + ReportTemplate.foot
}
