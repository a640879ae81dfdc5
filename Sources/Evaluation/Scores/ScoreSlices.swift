extension ScorePage {
    /// A table for each column that the rows were sliced by: every model's first four numbers.
    static func sliceTables(_ report: ScoreReport) -> [SliceTable] {
        var columns: [String] = []
        for result in report.slices where !columns.contains(result.slice.column) { columns.append(result.slice.column) }
        let metrics = report.metrics.alone + report.metrics.compared
        return columns.map { column in
            let results = report.slices.filter { $0.slice.column == column }
            let titles =
                ["Rows"] + report.models.flatMap { model in metrics.prefix(4).map { "\(model.name): \($0.title)" } }
            return SliceTable(
                column: column == Slice.lengthColumn ? "Length of the text" : column,
                columns: titles,
                rows: results.map { result in
                    Row(
                        style: "", model: result.slice.value.isEmpty ? "(empty)" : result.slice.value,
                        cells: ReportPage.Cell.row(
                            titles,
                            [Notation.count(result.slice.rows.count)]
                                + report.models.flatMap { model in
                                    metrics.prefix(4).map { metric in
                                        result.values[model.key]?[metric].map(metric.written) ?? Notation.none
                                    }
                                }))
                })
        }
    }
}

extension ScoreReport {
    /// The slices by these columns for a terminal.
    public func sliceLines(_ columns: [String]) -> [String] {
        ScorePage.sliceTables(self).filter { columns.contains($0.column) }.flatMap { table in
            [""]
                + AlignedTable.lines(
                    [[table.column] + table.columns] + table.rows.map { [$0.model] + $0.cells.map(\.value) })
        }
    }
}
