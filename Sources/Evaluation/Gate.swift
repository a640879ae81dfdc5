public import Files
import Foundation

/// A demand on the final model's quality, such as `accuracy >= 0.99*teacher`.
///
/// The right-hand side is a number, a model's key, `number*key`, `key - number` or `key + number`.
public struct Gate: Sendable, Equatable, CustomStringConvertible {
    /// What a gate can ask about. `agreement`, `kl_mean` and `similarity` compare with the reference model and take a number only.
    public enum Metric: String, CaseIterable, Sendable {
        case accuracy
        case macroF1 = "macro_f1"
        case matthews
        case ece
        case agreement
        case klMean = "kl_mean"
        /// e to the mean negative log-likelihood per token, in nats.
        case perplexity
        /// Correlations of numbers with the labels.
        case pearson, spearman
        /// Root of the mean squared error.
        case rmse
        /// How alike two models find the same pairs of texts: Spearman's correlation of their cosines.
        case similarity
        /// Of generated texts against expected ones: the share that is equal, and sacrebleu's and rouge-score's scores.
        case exactMatch = "exact_match"
        case chrf
        case chrfPlusPlus = "chrf_plus_plus"
        case bleu, rouge1, rouge2
        case rougeL = "rouge_l"

        var isPaired: Bool { self == .agreement || self == .klMean || self == .similarity }

        public static let ofClassification: [Metric] = [.accuracy, .macroF1, .matthews, .ece, .agreement, .klMean]
        public static let ofRegression: [Metric] = [.pearson, .spearman, .rmse, .similarity]
        public static let ofGeneration: [Metric] = [
            .exactMatch, .chrf, .chrfPlusPlus, .bleu, .rouge1, .rouge2, .rougeL, .agreement,
        ]

        /// Values outside can never be reached, or never be missed.
        var range: ClosedRange<Double> {
            switch self {
            case .accuracy, .macroF1, .ece, .agreement, .exactMatch, .rouge1, .rouge2, .rougeL: 0...1
            case .chrf, .chrfPlusPlus, .bleu: 0...100
            case .matthews, .pearson, .spearman, .similarity: -1...1
            case .klMean, .rmse: 0...Double.greatestFiniteMagnitude
            case .perplexity: 1...Double.greatestFiniteMagnitude
            }
        }
    }

    public enum Comparison: String, Sendable {
        case atLeast = ">="
        case atMost = "<="
    }

    /// factor · (the model's value, or nothing) + offset.
    public struct Threshold: Sendable, Equatable {
        public var model: String?
        public var factor: Double
        public var offset: Double
    }

    public let metric: Metric
    public let comparison: Comparison
    public let threshold: Threshold
    /// As it was written.
    public let expression: String

    public var description: String { "\(metric.rawValue) \(expression)" }

    /// Parses one entry of a recipe's `gates`.
    ///
    /// - Parameters:
    ///   - metric: One of `Metric`'s raw values.
    ///   - expression: `>= 0.93`, `>= 0.99*teacher`, `<= teacher + 0.02`.
    ///   - models: The keys that the expression may use.
    ///   - metrics: What the task is judged by.
    ///   - subject: The model that the gate is about, which it must not be compared with; nil where that is judged later.
    /// - Throws: `InputError` that says what is allowed and names the nearest valid name; also for a limit that every model keeps.
    public init(
        metric: String, expression: String, models: [String] = ModelResult.standardKeys,
        metrics: [Metric] = Metric.ofClassification, subject: String? = nil
    ) throws(InputError) {
        let field = "gates.\(metric)"
        guard let known = Metric(rawValue: metric), metrics.contains(known) else {
            throw Gate.unknown("metric", metric, among: metrics.map(\.rawValue), field: "gates")
        }
        let text = expression.trimmed
        guard let comparison = [Comparison.atLeast, .atMost].first(where: { text.hasPrefix($0.rawValue) }) else {
            throw InputError(
                field: field, problem: "\"\(expression)\" does not begin with >= or <=",
                remedy: "write for example \">= 0.93\" or \">= 0.99*teacher\"")
        }
        let threshold = try Gate.threshold(String(text.dropFirst(2)).trimmed, field: field)
        let range = GateRange(metric: metric, values: known.range)
        let isAtLeast = comparison == .atLeast
        let fault: GateRange.Fault?
        if let model = threshold.model {
            guard !known.isPaired else {
                throw InputError(
                    field: field,
                    problem: "\(metric) already compares with the reference model; found \"\(expression)\"",
                    remedy: "give a number, such as \"\(known == .klMean ? "<= 0.05" : ">= 0.95")\"")
            }
            guard models.contains(model) else { throw Gate.unknown("model", model, among: models, field: field) }
            fault = range.fault(factor: threshold.factor, offset: threshold.offset, isAtLeast: isAtLeast)
        } else {
            fault = range.fault(limit: threshold.offset, isAtLeast: isAtLeast)
        }
        if let fault {
            throw InputError(field: field, problem: "\"\(text)\": \(fault.problem)", remedy: fault.remedy)
        }
        self.metric = known
        self.comparison = comparison
        self.threshold = threshold
        self.expression = text
        if let subject, let fault = self.fault(of: subject) { throw fault }
    }

    /// Compares `value` with the threshold. A difference below 1e-12 is rounding, and passes.
    ///
    /// - Parameter modelValue: The metric of the model that the threshold names; unused if it names none.
    public func outcome(value: Double, modelValue: Double?) -> GateOutcome {
        precondition(threshold.model == nil || modelValue != nil, "no value of \(threshold.model ?? "")")
        let limit = threshold.factor * (modelValue ?? 0) + threshold.offset
        let passed =
            switch comparison {
            case .atLeast: value >= limit - 1e-12
            case .atMost: value <= limit + 1e-12
            }
        return GateOutcome(gate: description, value: value, threshold: limit, passed: passed, margin: nil)
    }

    /// As `outcome(value:modelValue:)`, but the far end of an interval must be on the right side too.
    ///
    /// - Parameter margin: the metric minus the threshold, with its paired 95 % interval.
    public func strictOutcome(value: Double, modelValue: Double?, margin: Estimate) -> GateOutcome {
        var outcome = outcome(value: value, modelValue: modelValue)
        outcome.margin = margin
        outcome.passed = comparison == .atLeast ? margin.low >= -1e-12 : margin.high <= 1e-12
        return outcome
    }

    /// Why it says nothing of a model: it would be compared with itself.
    func fault(of subject: String) -> InputError? {
        guard threshold.model == subject else { return nil }
        return InputError(
            field: "gates.\(metric.rawValue)", problem: "\"\(expression)\" compares \(subject) with itself",
            remedy: "name another model, or give a number")
    }

    private static func threshold(_ text: String, field: String) throws(InputError) -> Threshold {
        if let number = Double(text), number.isFinite {
            return Threshold(model: nil, factor: 0, offset: number)
        }
        let malformed = InputError(
            field: field, problem: "\"\(text)\" is not a threshold",
            remedy: "write a number, a model, number*model, model - number or model + number")
        if let star = text.firstIndex(of: "*") {
            let model = String(text[text.index(after: star)...]).trimmed
            guard let factor = Double(String(text[..<star]).trimmed), factor.isFinite, isKey(model) else {
                throw malformed
            }
            return Threshold(model: model, factor: factor, offset: 0)
        }
        if let sign = text.firstIndex(where: { $0 == "-" || $0 == "+" }) {
            let model = String(text[..<sign]).trimmed
            let size = String(text[text.index(after: sign)...]).trimmed
            guard let offset = Double(size), offset.isFinite, offset >= 0, isKey(model) else { throw malformed }
            return Threshold(model: model, factor: 1, offset: text[sign] == "-" ? -offset : offset)
        }
        guard isKey(text), Double(text) == nil else { throw malformed }
        return Threshold(model: text, factor: 1, offset: 0)
    }

    private static func isKey(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    private static func unknown(_ kind: String, _ name: String, among known: [String], field: String) -> InputError {
        let suggestion = nearestName(to: name, among: known).map { "did you mean \"\($0)\"? " } ?? ""
        return InputError(
            field: field, problem: "unknown \(kind) \"\(name)\"",
            remedy: "\(suggestion)allowed: \(known.joined(separator: ", "))")
    }
}

/// What came of a gate.
public struct GateOutcome: Sendable, Equatable, Codable {
    /// As it was written: `accuracy >= 0.99*teacher`.
    public var gate: String
    public var value: Double
    public var threshold: Double
    public var passed: Bool
    /// Value minus threshold with its interval, where the gate was judged by its end.
    public var margin: Estimate?
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
}
