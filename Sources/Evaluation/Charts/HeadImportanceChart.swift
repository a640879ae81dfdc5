/// A heat map of head importance, layers down and heads across; removed heads are crossed out, and those whose score cannot
/// be told from zero are marked.
enum HeadImportanceChart {
    /// - Returns: Nil if there are no scores.
    static func markup(_ scores: [HeadScore]) -> String? {
        guard let largest = scores.map(\.score).max() else { return nil }
        let layers = Set(scores.map(\.layer)).sorted()
        let heads = Set(scores.map(\.head)).sorted()
        let removed = scores.count { $0.removedInRound != nil }
        let untold = scores.count { $0.isTold == false }
        let left = 60.0
        let cell = max(6, min(46, (340 - left) / Double(heads.count)))
        let rowHeight = min(cell, 36)
        var drawing = Drawing(
            width: max(340, left + cell * Double(heads.count)), height: 22 + rowHeight * Double(layers.count) + 2,
            name: "Importance of \(scores.count) attention heads in \(Notation.counted(layers.count, "layer")); "
                + "\(removed) were removed"
                + (untold > 0 ? "; of \(untold), marked ≈0, the score cannot be told from zero" : ""))
        if cell >= 20 {
            for (column, head) in heads.enumerated() {
                drawing.text(left + (Double(column) + 0.5) * cell, 14, String(head), anchor: .middle)
            }
            drawing.text(left - 8, 14, "head", anchor: .end)
        }
        for (row, layer) in layers.enumerated() {
            drawing.text(left - 8, 22 + (Double(row) + 0.5) * rowHeight + 4, "layer \(layer)", anchor: .end)
        }
        for score in scores {
            guard let row = layers.firstIndex(of: score.layer), let column = heads.firstIndex(of: score.head) else {
                continue
            }
            let x = left + Double(column) * cell
            let y = 22 + Double(row) * rowHeight
            let share = largest > 0 ? max(0, score.score / largest) : 0
            let fate = score.removedInRound.map { "removed in round \($0)" } ?? "kept"
            drawing.rectangle(
                x + 1, y + 1, width: cell - 2, height: rowHeight - 2, style: "fill-subject",
                opacity: 0.06 + 0.9 * share,
                tip: "layer \(score.layer), head \(score.head): \(Notation.significant(score.score)) "
                    + "(\(Notation.significant(score.low)) to \(Notation.significant(score.high))), \(fate)"
                    + (score.isTold == false ? ", not told from zero" : ""))
            if score.isTold == false, cell >= 30 {
                drawing.text(x + cell - 4, y + rowHeight - 5, "≈0", anchor: .end, style: "tiny")
            }
            if let round = score.removedInRound {
                drawing.line(x + 3, y + rowHeight - 3, x + cell - 3, y + 3, style: "crossed")
                if cell >= 30 { drawing.text(x + 4, y + 12, "r\(round)", style: "tiny") }
            } else if cell >= 38 {
                drawing.text(
                    x + cell / 2, y + rowHeight / 2 + 4, Notation.fixed(score.score, 2), anchor: .middle,
                    style: share > 0.62 ? "tiny on-subject" : "tiny")
            }
        }
        return drawing.markup
    }
}
