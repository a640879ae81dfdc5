import Evaluation
import Files
import Foundation
import Models
import Tensors

extension Comparison {
    /// Classifiers: see `Report`.
    func classReport() throws -> Report {
        let labels = try requireLabels("judging classifiers")
        let gates = try gates(Gate.Metric.ofClassification)
        let classes = try classes(labels)
        let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        let unknown = labels.indices.filter { index[labels[$0]] == nil }
        if let first = unknown.first {
            throw InputErrors(
                ExampleRows.capped(
                    unknown.map {
                        InputError(
                            file: examples.places[$0], field: options.label,
                            problem:
                                "unknown label \(labels[$0]); the models have \(classes.prefix(8).joined(separator: ", "))"
                        )
                    }, file: examples.places[first]))
        }
        let data = EvaluationData(
            labels: labels.map { index[$0]! }, classNames: classes, texts: examples.texts,
            ids: examples.hasIDs ? examples.ids : examples.places, slices: try examples.slices(options.slices))
        let evaluation = ModelEvaluation(
            texts: examples.texts, data: data, queries: options.queries, batch: options.batch)
        let results = try sides.map { side in
            switch side.contestant {
            case .encoder(let model): try evaluation.result(model, key: side.key, name: side.name)
            case .recording(let answers): try result(of: answers, side, classes: classes)
            case .decoder: preconditionFailure("a decoder among classifiers")
            }
        }
        return try Report(
            record: record(), data: data, models: results, gates: gates,
            reference: sides[0].key, subject: "model", strict: options.strict, seed: options.seed)
    }

    /// The classes of the models, which must be the same; of recordings alone those that scores or labels name.
    private func classes(_ labels: [String]) throws -> [String] {
        let models = sides.compactMap { side -> (String, [String])? in
            guard case .encoder(let model) = side.contestant else { return nil }
            return (side.contestant.path, model.classifier.configuration.labels)
        }
        let recordings = sides.compactMap { side -> RecordedAnswers? in
            guard case .recording(let answers) = side.contestant else { return nil }
            return answers
        }
        if models.count == 2, models[0].1 != models[1].1 {
            throw InputError(
                file: models[0].0, problem: "its classes are \(models[0].1), those of \(models[1].0) \(models[1].1)",
                remedy: "compare models of the same classes in the same order")
        }
        var named: [(String, Set<String>)] = []
        for answers in recordings {
            let sets = answers.rows.map { $0.scores.map { Set($0.keys) } }
            guard let row = sets.firstIndex(where: { $0 != nil }), let first = sets[row] else { continue }
            if let odd = sets.indices.first(where: { sets[$0] != nil && sets[$0] != first }) {
                throw InputError(
                    file: answers.path, line: answers.lines[odd], field: "scores",
                    problem: "its classes are not those of line \(answers.lines[row])",
                    remedy: "record the score of every class in every answer")
            }
            named.append((answers.path, first))
        }
        let known = models.first.map { ($0.0, Set($0.1)) }
        for (path, set) in named {
            let other = known ?? named[0]
            guard set == other.1 else {
                throw InputError(
                    file: path, field: "scores",
                    problem: "its classes are \(set.sorted()), those of \(other.0) \(other.1.sorted())",
                    remedy: "compare models of the same classes")
            }
        }
        if let model = models.first { return model.1 }
        if let scored = named.first?.1 { return Self.sorted(scored) }
        // A label counts as a class if the data or the other side knows it too, or logits stand beside it.
        var distinct = Set(labels)
        for answers in recordings where answers.rows.first?.logits != nil {
            distinct.formUnion(answers.rows.compactMap(\.label))
        }
        if recordings.count == 2 {
            distinct.formUnion(
                Set(recordings[0].rows.compactMap(\.label)).intersection(recordings[1].rows.compactMap(\.label)))
        }
        return Self.sorted(distinct)
    }

    /// In numeric order where all are whole numbers, else sorted as text: as recipes have them.
    private static func sorted(_ distinct: Set<String>) -> [String] {
        let numbers = distinct.compactMap { Int($0) }
        return numbers.count == distinct.count
            ? distinct.sorted { (Int($0)!, $0) < (Int($1)!, $1) } : distinct.sorted()
    }

    private func result(of answers: RecordedAnswers, _ side: Side, classes: [String]) throws -> ModelResult {
        var logits: [Float] = []
        var labels: [Int]?
        let first = answers.rows[0]
        if first.scores != nil {
            for scores in try answers.values("scores", examples, \.scores) {
                // A probability of 0 is taken for the least that a float32 softmax gives.
                logits += classes.map { Float(max(log(scores[$0]!), -103)) }
            }
            labels = self.labels(of: answers, logits, classes)
        } else if first.logits != nil {
            let rows = try answers.values("logits", examples, \.logits)
            if let odd = rows.indices.first(where: { rows[$0].count != classes.count }) {
                throw InputError(
                    file: answers.path, line: answers.lines[odd], field: "logits",
                    problem: "\(rows[odd].count) logits for \(classes.count) classes",
                    remedy: "write one per class, in their order: \(classes.prefix(8).joined(separator: ", "))")
            }
            logits = rows.flatMap { $0.map(Float.init) }
            try requireLikeliest(answers, rows, classes)
            labels = self.labels(of: answers, logits, classes)
        } else {
            let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
            let names = try answers.values("label", examples, \.label)
            if let odd = names.indices.first(where: { index[names[$0]] == nil }) {
                throw InputError(
                    file: answers.path, line: answers.lines[odd], field: "label",
                    problem:
                        "\"\(names[odd].prefix(40))\", the answer to \"\(examples.ids[odd])\", is none of the classes "
                        + classes.prefix(8).joined(separator: ", "), remedy: "map the answers to the classes first")
            }
            labels = names.map { index[$0]! }
        }
        return ModelResult(
            key: side.key, name: side.name, path: answers.path, parameters: 0, bytes: 0, logits: logits, heads: [],
            feedForward: [], latency: answers.latency, labels: labels)
    }

    /// What each answer says: its label, which of equal scores names one, or else the first of the likeliest classes.
    private func labels(of answers: RecordedAnswers, _ logits: [Float], _ classes: [String]) -> [Int]? {
        guard answers.rows.contains(where: { $0.label != nil }) else { return nil }
        let likeliest = Predictions(logits: logits, classes: classes.count).labels
        return zip(answers.rows, likeliest).map { answer, first in
            answer.label.flatMap { classes.firstIndex(of: $0) } ?? first
        }
    }

    /// - Throws: `InputError` for a label that is not the class of the largest logit beside it.
    private func requireLikeliest(_ answers: RecordedAnswers, _ logits: [[Double]], _ classes: [String]) throws {
        for (row, values) in logits.enumerated() {
            guard let label = answers.rows[row].label else { continue }
            let own = classes.firstIndex(of: label).map { values[$0] }
            let best = values.indices.max { values[$0] < values[$1] } ?? 0
            guard own.map({ $0 < values[best] - 1e-6 }) ?? true else { continue }
            throw InputError(
                file: answers.path, line: answers.lines[row], field: "label",
                problem: "\"\(label.prefix(40))\" is not the class of the largest logit, \(classes[best])",
                remedy: "write the logits in the order of the classes: \(classes.prefix(8).joined(separator: ", "))")
        }
    }
}
