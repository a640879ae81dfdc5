extension Report {
    /// The results as an aligned table for the terminal: plain text, at most 100 columns, no trailing newline.
    public func table() -> String {
        let header = ["Model", "Parameters", "Size", "Accuracy (95% interval)", "Agreement", "p50"]
        let rows = models.map { model in
            let accuracy = model.metrics.accuracy
            let agreement = pair(reference, model.result.key).map { Notation.percent($0.agreement) }
            return [
                model.result.name,
                model.result.parameters > 0 ? Notation.count(model.result.parameters) : Notation.none,
                model.result.bytes > 0 ? Notation.bytes(Double(model.result.bytes)) : Notation.none,
                "\(Notation.percent(accuracy.value)) (\(Notation.percentRange(accuracy)))", agreement ?? Notation.none,
                model.result.latency.map { Notation.milliseconds($0.p50) } ?? Notation.none,
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let gap = 2
        let fixedWidth = widths.dropFirst().reduce(0) { $0 + $1 + gap }
        let nameWidth = min(widths[0], max(8, 100 - fixedWidth))
        let lines = ([header] + rows).map { cells in
            let name = cells[0].count > nameWidth ? "\(cells[0].prefix(nameWidth - 1))…" : cells[0]
            let rest = zip(cells, widths).dropFirst().map { cell, width in
                String(repeating: " ", count: gap + width - cell.count) + cell
            }
            return name + String(repeating: " ", count: nameWidth - name.count) + rest.joined()
        }
        let rule = String(repeating: "─", count: nameWidth + fixedWidth)
        return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
    }
}
