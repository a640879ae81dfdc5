import Mustache

extension Report {
    /// `report.html`: one self-contained page, without script and without any request to elsewhere.
    ///
    /// The verdict comes first, then the numbers, the charts (inline SVG with accessible names), the worst
    /// disagreements as text, and what is needed to repeat the run. Light and dark, for the phone and for paper.
    public func html() throws -> String {
        MustacheContentTypes.register(MarkupEscape(), named: "SCALARS")
        let template = try MustacheTemplate(string: ReportTemplate.page)
        return template.render(ReportPage(self))
    }
}

/// What the template shows, as text. Names in it are the names in `ReportTemplate`.
struct ReportPage {
    struct Tile {
        var figure: String
        var caption: String
    }

    struct GateRow {
        let gate: String
        let found: String
        let limit: String
        let outcome: String
        let style: String

        init(_ gate: GateOutcome) {
            self.gate = gate.gate
            found = Notation.fixed(gate.value, 4)
            limit = Notation.fixed(gate.threshold, 4)
            outcome = gate.passed ? "✓ passed" : "✗ failed"
            style = gate.passed ? "good" : "bad"
        }
    }

    struct ModelRow {
        var model: String
        var style: String
        var parameters: String
        var size: String
        var accuracy: String
        var interval: String
        var macroF1: String
        var agreement: String
        var latency: String
    }

    struct PairRow {
        var pair: String
        var difference: String
        var interval: String
        var p: String
        var flips: String
        var agreement: String
        var divergence: String
        var detectable: String
    }

    /// A value with the title of its column.
    struct Cell {
        var label: String
        var value: String

        static func row(_ labels: [String], _ values: [String]) -> [Cell] {
            zip(labels, values).map { Cell(label: $0, value: $1) }
        }
    }

    struct DetailRow {
        var model: String
        var matthews: String
        var ece: String
        var nll: String
        var heads: String
        var feedForward: String
        var latency: String
        var queries: String
        var threads: String
    }

    struct SliceTable {
        struct Row {
            var slice: String
            var rows: String
            var reference: String
            var subject: String
            var difference: String
            var flips: String
        }

        var column: String
        var rows: [Row]
    }

    struct Figure {
        var caption: String
        var picture: String

        /// One for each training stage that has points.
        static func curves(of record: RunRecord) -> [Figure] {
            record.learningCurves.compactMap { curve in
                LearningCurveChart.markup(curve).map {
                    Figure(caption: curve.stage.replacing("_", with: " "), picture: $0)
                }
            }
        }
    }

    struct SampleRow {
        var id: String
        var text: String
        var truth: String
        var referenceLabel: String
        var referenceStyle: String
        var subjectLabel: String
        var subjectStyle: String
    }

    let style = ReportStyle.sheet
    let recipe: String
    let headline: String
    let cost: String
    let certainty: String
    let verdictStyle: String
    let tiles: [Tile]
    let gates: [GateRow]
    let rowCount: String
    let referenceName: String
    let subjectName: String
    let models: [ModelRow]
    let costFigures: [Figure]
    let differencePicture: [Figure]
    let pairs: [PairRow]
    let curves: [Figure]
    let headPicture: [Figure]
    let reliability: [Figure]
    let slices: [SliceTable]
    let confusions: [ConfusionTable]
    let classTables: [ClassTable]
    let samples: [SampleRow]
    let disagreementCount: String
    let details: [DetailRow]
    let repetition: Repetition
}

extension ReportPage {
    init(_ report: Report) {
        let verdict = report.verdict
        let subject = report.model(report.subject)
        let reference = report.model(report.reference)
        recipe = report.record.recipe
        headline = verdict.headline
        cost = verdict.cost
        certainty = verdict.certainty
        verdictStyle = report.gates.isEmpty ? "open" : report.passed ? "passed" : "failed"
        tiles = ReportPage.tiles(report)
        gates = report.gates.map(GateRow.init)
        rowCount = Notation.count(report.data.labels.count)
        referenceName = reference.result.name
        subjectName = subject.result.name
        models = report.models.map { ModelRow($0, in: report) }
        costFigures = ReportPage.costFigures(report)
        let rows = report.pairs.map { pair in
            DifferenceChart.Row(
                name: report.name(of: pair), difference: pair.accuracyDifference,
                isVerdict: pair.a == report.reference && pair.b == report.subject)
        }
        differencePicture = rows.isEmpty ? [] : [Figure(caption: "", picture: DifferenceChart.markup(rows))]
        pairs = report.pairs.map { PairRow($0, name: report.name(of: $0)) }
        curves = Figure.curves(of: report.record)
        headPicture =
            HeadImportanceChart.markup(report.record.headScores).map { [Figure(caption: "", picture: $0)] } ?? []
        reliability = report.models.compactMap { model in
            model.metrics.calibration.map {
                Figure(
                    caption: model.result.name,
                    picture: ReliabilityChart.markup(
                        $0, name: model.result.name, role: report.role(model.result.key),
                        classes: report.data.classNames.count))
            }
        }
        slices = SliceTable.tables(report)
        confusions = report.models.map {
            ConfusionTable(name: $0.result.name, $0.metrics.confusion, classNames: report.data.classNames)
        }
        classTables = report.models.map {
            ClassTable(name: $0.result.name, $0.metrics.perClass, classNames: report.data.classNames)
        }
        let worst = report.worstDisagreements(limit: report.data.labels.count)
        samples = worst.prefix(20).map(SampleRow.init)
        disagreementCount = worst.count == 1 ? "one row" : "\(Notation.count(worst.count)) rows"
        details = report.models.map(DetailRow.init)
        repetition = Repetition(
            report.record, paths: report.models.map { .init($0.result.name, $0.result.path) })
    }
}

extension Report {
    fileprivate func name(of pair: PairedComparison) -> String {
        "\(model(pair.b).result.name) against \(model(pair.a).result.name)"
    }

    func role(_ key: String) -> Role {
        key == subject ? .subject : key == reference ? .reference : .other
    }
}
