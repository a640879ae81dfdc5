import Files

extension EvaluationData {
    /// What keeps these rows from being evaluated: counts that differ, labels outside the classes, ids that occur twice.
    /// Of the rows, the first of each kind and how many there are.
    func problems() -> [InputError] {
        var problems: [InputError] = []
        if labels.isEmpty {
            problems.append(
                InputError(field: "labels", problem: "the test set has no rows", remedy: "give at least one"))
        }
        if classNames.count < 2 {
            problems.append(
                InputError(
                    field: "labels",
                    problem: classNames.isEmpty
                        ? "there are no classes" : "there is one class, \(classNames[0].prefix(40))",
                    remedy: "give rows and answers of at least two"))
        }
        for (field, count) in [("texts", texts.count), ("ids", ids.count)] where count != labels.count {
            problems.append(
                InputError(field: field, problem: "\(count) for \(labels.count) labels; expected one for each row"))
        }
        let outside = labels.indices.filter { !classNames.indices.contains(labels[$0]) }
        if let first = outside.first {
            problems.append(
                InputError(
                    field: "labels",
                    problem: "row \(first) has class \(labels[first]), and \(outside.count) rows in all lie outside "
                        + "0..<\(classNames.count)",
                    remedy: "use the label map that the models were trained with"))
        }
        var seen: Set<String> = []
        let repeated = ids.filter { !seen.insert($0).inserted }
        if let first = repeated.first {
            problems.append(
                InputError(
                    field: "ids", problem: "\"\(first)\" names two rows; \(repeated.count) rows repeat an id",
                    remedy: "give every row an id of its own"))
        }
        return problems
    }
}

extension ModelResult {
    /// What keeps this result from being compared on `data`.
    func problems(on data: EvaluationData) -> [InputError] {
        var problems: [InputError] = []
        let rows = data.labels.count
        let classes = data.classNames.count
        if key.isEmpty || !key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) {
            problems.append(
                InputError(
                    file: path, field: "key", problem: "\"\(key)\" is not a model key",
                    remedy: "use letters, digits and _, such as \(Self.standardKeys.joined(separator: ", "))"))
        }
        if let labels, labels.count != rows || labels.contains(where: { !(0..<classes).contains($0) }) {
            problems.append(
                InputError(
                    file: path, field: key,
                    problem: "\(labels.count) labels, for \(rows) rows of classes 0..<\(classes)",
                    remedy: "evaluate every model on the same rows with the same classes"))
        }
        // Of a recording the labels may be all that is known.
        if labels == nil || !logits.isEmpty, let problem = logitProblem(rows, classes) { problems.append(problem) }
        if parameters < 0 || bytes < 0 {
            problems.append(
                InputError(file: path, field: key, problem: "\(parameters) parameters in \(bytes) bytes: negative"))
        }
        if let latency, !latency.isPlausible {
            problems.append(
                InputError(
                    file: path, field: key, problem: "latency is not a positive, finite, ordered p50 ≤ p90 ≤ p99"))
        }
        return problems
    }

    private func logitProblem(_ rows: Int, _ classes: Int) -> InputError? {
        let (expected, overflow) = rows.multipliedReportingOverflow(by: classes)
        if overflow || logits.count != expected {
            return InputError(
                file: path, field: key,
                problem: "\(logits.count) logits; expected \(rows) rows × \(classes) classes",
                remedy: "evaluate every model on the same rows with the same classes")
        }
        return logits.firstIndex { !$0.isFinite }.map { bad in
            InputError(
                file: path, field: key,
                problem: "the logit of row \(bad / classes), class \(bad % classes) is \(logits[bad])",
                remedy: "the model overflowed or its weights are damaged; inspect it")
        }
    }
}
