extension ReportPage {
    static func tiles(_ report: Report) -> [Tile] {
        let subject = report.model(report.subject).result
        let reference = report.model(report.reference).result
        var tiles: [Tile] = []
        if let pair = report.pair(report.reference, report.subject) {
            tiles.append(
                Tile(
                    figure: Notation.points(pair.accuracyDifference.value),
                    caption: "points of accuracy; 95% interval \(Notation.points(pair.accuracyDifference.low)) to "
                        + Notation.points(pair.accuracyDifference.high)))
            tiles.append(Tile(figure: Notation.percent(pair.agreement), caption: "same label as \(reference.name)"))
            if subject.bytes > 0 {
                tiles.append(
                    Tile(
                        figure: Notation.ratio(Double(reference.bytes) / Double(subject.bytes)),
                        caption:
                            "smaller: \(Notation.bytes(Double(subject.bytes))) instead of \(Notation.bytes(Double(reference.bytes)))"
                    ))
            }
        }
        if let a = reference.latency, let b = subject.latency, reference.key != subject.key {
            tiles.append(
                Tile(
                    figure: Notation.ratio(a.p50 / b.p50),
                    caption: "faster: \(Notation.milliseconds(b.p50)) instead of \(Notation.milliseconds(a.p50)) (p50)")
            )
        }
        return tiles
    }

    static func costFigures(_ report: Report) -> [Figure] {
        func points(_ cost: (ModelResult) -> Double?) -> [CostChart.Point] {
            report.models.compactMap { model in
                guard let cost = cost(model.result), cost > 0 else { return nil }
                return CostChart.Point(
                    name: model.result.name, cost: cost, accuracy: model.metrics.accuracy,
                    role: report.role(model.result.key))
            }
        }
        let sizes = points { Double($0.bytes) }
        let latencies = points { $0.latency?.p50 }
        var figures: [Figure] = []
        let priced = report.models.compactMap { model in
            model.result.latency.flatMap { latency in
                model.result.bytes > 0
                    ? ParetoChart.Point(
                        name: model.result.name, quality: model.metrics.accuracy.value * 100, latency: latency.p50,
                        bytes: Double(model.result.bytes), role: report.role(model.result.key)) : nil
            }
        }
        if priced.count > 1 {
            let picture = ParetoChart.markup(priced, quality: "Accuracy, %") { Notation.fixed($0, 1) + "%" }
            figures.append(Figure(caption: "Quality, latency and size", picture: picture))
        }
        if !sizes.isEmpty {
            let picture = CostChart.markup(sizes, cost: "size on disk", written: Notation.bytes)
            figures.append(Figure(caption: "Quality and size", picture: picture))
        }
        if !latencies.isEmpty {
            let picture = CostChart.markup(latencies, cost: "p50 latency", written: Notation.milliseconds)
            figures.append(Figure(caption: "Quality and latency", picture: picture))
        }
        return figures
    }
}
