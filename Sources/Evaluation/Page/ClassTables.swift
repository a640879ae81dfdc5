/// A confusion matrix as a table; for many classes, the most frequent confusions only.
struct ConfusionTable {
    struct Row {
        var truth: String
        var cells: [Cell]
    }

    struct Cell {
        var count: String
        var style: String
        /// The share of the true class's rows, in percent: how deep the cell is shaded.
        var shade: Int
    }

    struct Confusion {
        var truth: String
        var prediction: String
        var count: String
    }

    let title: String
    let classNames: [String]
    let rows: [Row]
    let confusions: [Confusion]

    init(name: String, _ matrix: ConfusionMatrix, classNames: [String]) {
        title = name
        let classes = classNames.indices
        guard classNames.count <= 12 else {
            let wrong = classes.flatMap { label in classes.map { (label, $0) } }
                .filter { $0.0 != $0.1 && matrix[$0.0, $0.1] > 0 }
                .sorted { matrix[$0.0, $0.1] > matrix[$1.0, $1.1] }
            self.classNames = []
            rows = []
            confusions = wrong.prefix(10).map { label, prediction in
                Confusion(
                    truth: classNames[label], prediction: classNames[prediction],
                    count: Notation.count(matrix[label, prediction]))
            }
            return
        }
        self.classNames = classNames
        confusions = []
        rows = classes.map { label in
            let support = max(matrix.support(label), 1)
            return Row(
                truth: classNames[label],
                cells: classes.map { prediction in
                    let count = matrix[label, prediction]
                    return Cell(
                        count: Notation.count(count), style: label == prediction ? "right" : "wrong",
                        shade: count * 100 / support)
                })
        }
    }
}

/// Precision, recall and F1 of every class.
struct ClassTable {
    struct Row {
        var className: String
        var precision: String
        var recall: String
        var f1: String
        var support: String
    }

    let title: String
    let rows: [Row]

    init(name: String, _ scores: [ClassScore], classNames: [String]) {
        title = name
        rows = zip(classNames, scores).map { name, score in
            Row(
                className: name, precision: Notation.fixed(score.precision, 3), recall: Notation.fixed(score.recall, 3),
                f1: Notation.fixed(score.f1, 3), support: Notation.count(score.support))
        }
    }
}
