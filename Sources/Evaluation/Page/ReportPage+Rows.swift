extension ReportPage.ModelRow {
    init(_ model: Report.Model, in report: Report) {
        let result = model.result
        let accuracy = model.metrics.accuracy
        self.model = result.name
        style = result.key == report.subject ? "subject" : ""
        parameters = Notation.count(result.parameters)
        size = Notation.bytes(Double(result.bytes))
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
        divergence = "\(Notation.significant(pair.klMean)) · \(Notation.significant(pair.klP99))"
        detectable = Notation.fixed(pair.minimumDetectableEffect * 100, 1)
    }
}

extension ReportPage.DetailRow {
    init(_ model: Report.Model) {
        let result = model.result
        self.model = result.name
        matthews = Notation.fixed(model.metrics.matthews, 3)
        ece = Notation.fixed(model.metrics.ece, 3)
        nll = Notation.fixed(model.metrics.negativeLogLikelihood, 3)
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
            "\(answer.label) \(Notation.percent(answer.probability))"
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
