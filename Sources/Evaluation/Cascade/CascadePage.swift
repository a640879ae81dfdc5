import Mustache

extension Cascade {
    /// One self-contained page of the analysis, without script and without any request to elsewhere.
    ///
    /// - Parameters:
    ///   - costFrom: where the cost comes from, in words.
    ///   - commands: what was typed.
    public func html(
        student: String, teacher: String, costFrom: String, digests: [RunRecord.Fact], commands: [String]
    ) throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        let page = CascadePage(
            self, costFrom: costFrom,
            Repetition(
                commands: commands, paths: [.init("Student", student), .init("Teacher", teacher)], digests: digests))
        return try MustacheTemplate(string: CascadeTemplate.page).render(page)
    }

    /// What the page begins with: a file that has it may be replaced.
    public static let pageTitle = "Retort cascade"
}

/// What the template shows, as text. Names in it are the names in `CascadeTemplate`.
private struct CascadePage {
    struct Row {
        var measure: String
        var style: String
        var cells: [String]
    }

    let style = ReportStyle.sheet
    let recipe = Cascade.pageTitle
    let headline: String
    let lead: String
    let certainty: String
    let figures: [ReportPage.Figure]
    let rows: [Row]
    let repetition: Repetition

    init(_ cascade: Cascade, costFrom: String, _ repetition: Repetition) {
        self.repetition = repetition
        let best = cascade.measures.first { $0.measure == cascade.best }
        let target = best?.targets.last
        headline =
            target.map {
                $0.point.savings > 0
                    ? "\(Notation.percent($0.point.savings)) saved at \(Notation.percent($0.reached)) of the teacher's accuracy"
                    : "A cascade saves nothing at \(Notation.percent($0.quality)) of the teacher's accuracy"
            } ?? "No target was set"
        lead =
            target.map {
                "The student answers \(Notation.percent(1 - $0.point.escalated)) of the rows itself, where its "
                    + "\(CascadeChart.name(cascade.best)) is at least \(Notation.fixed($0.point.threshold, 4)), and asks the "
                    + "teacher for the others: accuracy \($0.point.accuracy.described(Notation.percent))."
            } ?? ""
        certainty =
            "Alone the student is right on \(cascade.studentAccuracy.described(Notation.percent)) of the rows, the teacher on "
            + "\(cascade.teacherAccuracy.described(Notation.percent)). A row costs the student "
            + "\(Notation.percent(cascade.relativeCost)) of what it costs the teacher (\(costFrom)). Temperature "
            + "\(Notation.fixed(cascade.temperature, 3)) and thresholds from \(Notation.counted(cascade.calibrationRows, "row")), "
            + "judged on \(Notation.count(cascade.testRows)) others."
        figures = [ReportPage.Figure(caption: "Cost and quality", picture: CascadeChart.markup(cascade))]
        rows = cascade.measures.flatMap { measured in
            measured.targets.map { target in
                Row(
                    measure: CascadeChart.name(measured.measure),
                    style: measured.measure == cascade.best ? "subject" : "",
                    cells: [
                        Notation.percent(target.quality), Notation.fixed(target.point.threshold, 4),
                        Notation.percent(target.point.escalated), target.point.accuracy.described(Notation.percent),
                        target.point.difference.described(Notation.points), Notation.percent(target.reached),
                        Notation.percent(target.point.savings),
                    ])
            }
        }
    }
}

private enum CascadeTemplate {
    static let page =
        ReportTemplate.head + #"""
            <header class="open">
            <p class="eyebrow">{{recipe}}</p>
            <h1>{{headline}}</h1>
            <p class="lead">{{lead}}</p>
            <p class="certainty">{{certainty}}</p>
            </header>
            <section>
            <h2>What asking costs, what it brings</h2>
            <div class="figures">
            {{#figures}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
            {{/figures}}
            </div>
            <p class="note">Each line goes from the student alone, on the left, to asking the teacher always. Dots: the cheapest thresholds that kept 90, 95 and 99% of the teacher's accuracy on the rows that chose them.</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Thresholds">
            <table>
            <thead><tr><th>Confidence</th><th>Target</th><th>Threshold</th><th>Escalated</th><th>Accuracy</th><th>Points against the teacher</th><th>Reached</th><th>Saved</th></tr></thead>
            <tbody>
            {{#rows}}<tr class="{{style}}"><th scope="row">{{measure}}</th>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
            {{/rows}}
            </tbody>
            </table>
            </div>
            </section>
            """# + ReportTemplate.repetition + ReportTemplate.foot
}
