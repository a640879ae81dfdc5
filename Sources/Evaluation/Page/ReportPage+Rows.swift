extension ReportPage.ModelRow {
    init(_ model: Report.Model, in report: Report) {
        let result = model.result
        let accuracy = model.metrics.accuracy
        self.model = result.name
        style = result.key == report.subject ? "subject" : ""
        // Of recorded answers neither is known.
        parameters = result.parameters > 0 ? Notation.count(result.parameters) : Notation.none
        size = result.bytes > 0 ? Notation.bytes(Double(result.bytes)) : Notation.none
        self.accuracy = Notation.percent(accuracy.value)
        interval = Notation.percentRange(accuracy)
        macroF1 = Notation.fixed(model.metrics.macroF1, 3)
        agreement = report.pair(report.reference, result.key).map { Notation.percent($0.agreement) } ?? Notation.none
        latency = result.latency.map { Notation.milliseconds($0.p50) } ?? Notation.none
    }
}

extension ReportPage.PairRow {
    init(_ pair: PairedComparison, name: String) {
        let difference = pair.accuracyDifference
        self.pair = name
        self.difference = Notation.points(difference.value)
        interval = "\(Notation.points(difference.low)) to \(Notation.points(difference.high))"
        p = Notation.pValue(pair.mcnemarP)
        flips = "\(Notation.count(pair.flips.lost)) lost, \(Notation.count(pair.flips.won)) won"
        agreement = Notation.percent(pair.agreement)
        divergence =
            pair.divergence.map { "\(Notation.significant($0.mean)) · \(Notation.significant($0.p99))" }
            ?? Notation.none
        detectable = Notation.fixed(pair.minimumDetectableEffect * 100, 1)
    }
}

extension ReportPage.SliceTable {
    /// A table for each column that the rows were sliced by: the subject's numbers beside the reference's.
    static func tables(_ report: Report) -> [ReportPage.SliceTable] {
        var columns: [String] = []
        for result in report.slices where !columns.contains(result.slice.column) { columns.append(result.slice.column) }
        return columns.map { column in
            ReportPage.SliceTable(
                column: column == Slice.lengthColumn ? "Length of the text" : column,
                rows: report.slices.filter { $0.slice.column == column }.map { row($0, report) })
        }
    }

    private static func row(_ result: Report.SliceResult, _ report: Report) -> Row {
        func accuracy(_ key: String) -> String {
            result.metrics[key].map { "\(Notation.percent($0.accuracy.value)) (\(Notation.percentRange($0.accuracy)))" }
                ?? Notation.none
        }
        let pair = result.pairs.first { $0.b == report.subject }
        return Row(
            slice: result.slice.value.isEmpty ? "(empty)" : result.slice.value,
            rows: Notation.count(result.slice.rows.count),
            reference: accuracy(report.reference), subject: accuracy(report.subject),
            difference: pair.map {
                "\(Notation.points($0.accuracyDifference.value)) (\(Notation.points($0.accuracyDifference.low)) to "
                    + "\(Notation.points($0.accuracyDifference.high)))"
            } ?? Notation.none,
            flips: pair.map { "\(Notation.count($0.flips.lost)) lost, \(Notation.count($0.flips.won)) won" }
                ?? Notation.none)
    }
}

extension ReportPage.DetailRow {
    init(_ model: Report.Model) {
        let result = model.result
        self.model = result.name
        matthews = Notation.fixed(model.metrics.matthews, 3)
        ece = model.metrics.ece.map { Notation.fixed($0, 3) } ?? Notation.none
        nll = model.metrics.negativeLogLikelihood.map { Notation.fixed($0, 3) } ?? Notation.none
        heads = result.heads.isEmpty ? Notation.none : result.heads.map(String.init).joined(separator: ", ")
        feedForward =
            result.feedForward.isEmpty ? Notation.none : result.feedForward.map(String.init).joined(separator: ", ")
        latency =
            result.latency.map { latency in
                [latency.p50, latency.p90, latency.p99].map(Notation.significant).joined(separator: " · ")
            } ?? Notation.none
        queries = result.latency.map { Notation.count($0.queries) } ?? Notation.none
        threads = result.latency.map { Notation.count($0.threads) } ?? Notation.none
    }
}

extension ReportPage.SampleRow {
    /// Longer texts are cut: all of them stand in `samples.jsonl`.
    private static let longest = 600

    init(_ row: Disagreement) {
        func written(_ answer: Disagreement.Answer) -> String {
            answer.label + (answer.probability.map { " \(Notation.percent($0))" } ?? "")
        }
        id = row.id
        let isLong = row.text.count > Self.longest
        text = isLong ? "\(row.text.prefix(Self.longest))… (\(Notation.count(row.text.count)) characters)" : row.text
        truth = row.label
        referenceLabel = written(row.reference)
        referenceStyle = row.reference.isRight ? "good" : "bad"
        subjectLabel = written(row.subject)
        subjectStyle = row.subject.isRight ? "good" : "bad"
    }
}
