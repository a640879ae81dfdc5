public import Foundation

extension Report {
    /// `report.json`: one object with sorted keys, schema version 2.
    ///
    ///     schema, recipe, resolved_recipe, rows, class_names [text], environment, data, digests [{name, value}],
    ///     commands [text], reference, subject: keys of models
    ///     models {key: M}
    ///       M: name, path, parameters, bytes, heads [per layer], feed_forward [per layer],
    ///          metrics {accuracy, accuracy_low, accuracy_high, macro_f1, matthews, ece, nll},
    ///          per_class [{name, precision, recall, f1, support}], confusion [true][predicted],
    ///          reliability [{count, confidence, accuracy}], latency_ms {p50, p90, p99, queries, threads} if measured
    ///     pairs [P]
    ///       P: a, b, n, agreement, kl_mean, kl_standard_error, kl_p50, kl_p90, kl_p99,
    ///          accuracy_difference {value, low, high}: b − a, mcnemar_p, wilcoxon_p: of the true class's log-probability,
    ///          flips {lost, won}, minimum_detectable_effect
    ///     slices [{column, value, rows, models {key: {accuracy {value, low, high}, macro_f1}}, pairs [P]}]
    ///     gates [{gate, value, threshold, passed, margin {value, low, high} where judged strictly}], passed
    ///     failing_rows [id]: where a gate failed, rows that the subject lost, the surest mistakes first
    ///     learning_curves [{stage, points [{step, loss, terms {name: value}}]}]: at most 120 points, means of runs of steps
    ///     head_importance [{layer, head, score, low, high, removed_in_round if removed}]
    ///
    /// Shares lie in 0…1, divergences are in nats, latencies in milliseconds, sizes in bytes. Of answers without probabilities
    /// ece, nll, reliability, kl_… and wilcoxon_p are left out.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(ReportDocument(self)) + Data("\n".utf8)
    }

    /// `samples.jsonl`: one object per row, in data order.
    ///
    /// `{"id", "label", "models": {key: {"label", "probability"}}, "text"}`, `probability` being that of the predicted
    /// label, where it is known.
    public func samples() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let confidences = models.map { $0.predictions.hasProbabilities ? $0.predictions.confidences : nil }
        var lines = Data()
        for row in data.labels.indices {
            var answers: [String: Sample.Answer] = [:]
            for (model, confidence) in zip(models, confidences) {
                let label = data.classNames[model.predictions.labels[row]]
                answers[model.result.key] = Sample.Answer(label: label, probability: confidence?[row])
            }
            let sample = Sample(
                id: data.ids[row], text: data.texts[row], label: data.classNames[data.labels[row]], models: answers)
            lines += try encoder.encode(sample)
            lines.append(UInt8(ascii: "\n"))
        }
        return lines
    }
}

private struct Sample: Encodable {
    struct Answer: Encodable {
        var label: String
        var probability: Double?
    }

    var id: String
    var text: String
    var label: String
    var models: [String: Answer]
}

private struct ReportDocument: Encodable {
    struct Model: Encodable {
        struct Metrics: Encodable {
            var accuracy: Double
            var accuracyLow: Double
            var accuracyHigh: Double
            var macroF1: Double
            var matthews: Double
            var ece: Double?
            var nll: Double?
        }

        struct ClassRow: Encodable {
            var name: String
            var precision: Double
            var recall: Double
            var f1: Double
            var support: Int
        }

        var name: String
        var path: String
        var parameters: Int
        var bytes: Int
        var heads: [Int]
        var feedForward: [Int]
        var metrics: Metrics
        var perClass: [ClassRow]
        var confusion: [[Int]]
        var reliability: [Calibration.Bin]?
        var latencyMs: LatencySummary?
    }

    struct Pair: Encodable {
        var a: String
        var b: String
        var n: Int
        var agreement: Double
        var klMean: Double?
        var klStandardError: Double?
        var klP50: Double?
        var klP90: Double?
        var klP99: Double?
        var accuracyDifference: Estimate
        var mcnemarP: Double
        var wilcoxonP: Double?
        var flips: PairedComparison.Flips
        var minimumDetectableEffect: Double

        init(_ pair: PairedComparison) {
            (a, b, n, agreement) = (pair.a, pair.b, pair.rows, pair.agreement)
            (klMean, klStandardError) = (pair.divergence?.mean, pair.divergence?.standardError)
            (klP50, klP90, klP99) = (pair.divergence?.p50, pair.divergence?.p90, pair.divergence?.p99)
            (accuracyDifference, flips) = (pair.accuracyDifference, pair.flips)
            (mcnemarP, wilcoxonP) = (pair.mcnemarP, pair.wilcoxonP)
            minimumDetectableEffect = pair.minimumDetectableEffect
        }
    }

    struct SliceRow: Encodable {
        struct Metrics: Encodable {
            var accuracy: Estimate
            var macroF1: Double
        }

        var column: String
        var value: String
        var rows: Int
        var models: [String: Metrics]
        var pairs: [Pair]
    }

    var schema = 2
    var recipe: String
    var resolvedRecipe: String
    var environment: [RunRecord.Fact]
    var data: [RunRecord.Fact]
    var digests: [RunRecord.Fact]
    var commands: [String]
    var classNames: [String]
    var rows: Int
    var reference: String
    var subject: String
    var models: [String: Model]
    var pairs: [Pair]
    var slices: [SliceRow]
    var gates: [GateOutcome]
    var passed: Bool
    var failingRows: [String]
    var learningCurves: [LearningCurve]
    var headImportance: [HeadScore]

    init(_ report: Report) {
        recipe = report.record.recipe
        resolvedRecipe = report.record.resolvedRecipe
        environment = report.record.environment
        data = report.record.data
        digests = report.record.digests
        commands = report.record.commands
        classNames = report.data.classNames
        rows = report.data.labels.count
        reference = report.reference
        subject = report.subject
        gates = report.gates
        passed = report.passed
        learningCurves = report.record.learningCurves.map(\.thinned)
        headImportance = report.record.headScores
        pairs = report.pairs.map(Pair.init)
        failingRows = report.passed ? [] : report.failingRows.map { report.data.ids[$0] }
        slices = report.slices.map { result in
            SliceRow(
                column: result.slice.column, value: result.slice.value, rows: result.slice.rows.count,
                models: result.metrics.mapValues { .init(accuracy: $0.accuracy, macroF1: $0.macroF1) },
                pairs: result.pairs.map(Pair.init))
        }
        models = [:]
        for model in report.models {
            models[model.result.key] = Model(model, classNames: report.data.classNames)
        }
    }
}

extension ReportDocument.Model {
    fileprivate init(_ model: Report.Model, classNames: [String]) {
        let metrics = model.metrics
        name = model.result.name
        path = model.result.path
        parameters = model.result.parameters
        bytes = model.result.bytes
        heads = model.result.heads
        feedForward = model.result.feedForward
        latencyMs = model.result.latency
        reliability = metrics.calibration?.bins
        self.metrics = Metrics(
            accuracy: metrics.accuracy.value, accuracyLow: metrics.accuracy.low, accuracyHigh: metrics.accuracy.high,
            macroF1: metrics.macroF1, matthews: metrics.matthews, ece: metrics.ece, nll: metrics.negativeLogLikelihood)
        perClass = zip(classNames, metrics.perClass).map { name, score in
            ClassRow(name: name, precision: score.precision, recall: score.recall, f1: score.f1, support: score.support)
        }
        let classes = classNames.indices
        confusion = classes.map { label in classes.map { metrics.confusion[label, $0] } }
    }
}
