/// The answer to "is the student good enough, what does it cost, how sure are we?" in plain sentences.
public struct Verdict: Sendable, Equatable {
    /// `INT8 passes all 3 gates.`
    public var headline: String
    /// Size, latency, accuracy and agreement against the reference.
    public var cost: String
    /// What the size of the test set allows to say.
    public var certainty: String
}

extension Verdict {
    /// What the gates say of a model; nil without any.
    static func onGates(_ gates: [GateOutcome], _ name: String) -> String? {
        let failed = gates.count { !$0.passed }
        if failed > 0 { return "\(name) fails \(failed) of \(Notation.counted(gates.count, "gate"))." }
        return switch gates.count {
        case 0: nil
        case 1: "\(name) passes its gate."
        case 2: "\(name) passes both gates."
        default: "\(name) passes all \(gates.count) gates."
        }
    }
}

extension Report {
    /// The verdict on `subject`.
    public var verdict: Verdict {
        let subject = model(subject)
        guard let pair = pair(reference, subject.result.key) else {
            let metrics = subject.metrics
            return Verdict(
                headline: headline(subject.result.name),
                cost: "Its accuracy is \(Notation.percent(metrics.accuracy.value)) "
                    + "(95% interval \(Notation.percentRange(metrics.accuracy))) "
                    + "on \(Notation.counted(data.labels.count, "test row")).",
                certainty: "There is no second model to compare it with.")
        }
        return Verdict(
            headline: gates.isEmpty ? headline(subject.result.name, pair) : headline(subject.result.name),
            cost: cost(subject.result, pair),
            certainty: [certainty(pair), gainOfDistillation].compactMap { $0 }.joined(separator: " "))
    }

    /// Without gates the interval says whether it is good enough.
    private func headline(_ name: String, _ pair: PairedComparison) -> String {
        let other = model(reference).result.name
        let difference = pair.accuracyDifference
        if difference.includesZero { return "\(name) is as accurate as \(other), as far as this test set can tell." }
        let points = Notation.fixed(abs(difference.value) * 100, 1)
        return "\(name) is \(points) points \(difference.value < 0 ? "less" : "more") accurate than \(other)."
    }

    private func headline(_ name: String) -> String {
        Verdict.onGates(gates, name) ?? "\(name): no gates were set."
    }

    private func cost(_ subject: ModelResult, _ pair: PairedComparison) -> String {
        let reference = model(reference).result
        var gains: [String] = []
        if subject.bytes > 0, reference.bytes > 0 {
            gains.append(Report.change(Double(reference.bytes) / Double(subject.bytes), "smaller", "larger"))
        }
        if let a = reference.latency, let b = subject.latency {
            gains.append(Report.change(a.p50 / b.p50, "faster", "slower"))
        }
        let size = gains.isEmpty ? "" : "It is \(gains.joined(separator: " and ")) than \(reference.name). "
        let difference = pair.accuracyDifference
        let direction =
            difference.value == 0
            ? "is the same"
            : "is \(Notation.fixed(abs(difference.value) * 100, 1)) points \(difference.value < 0 ? "lower" : "higher")"
        return size + "Its accuracy \(direction) (95% interval \(Notation.points(difference.low)) to "
            + "\(Notation.points(difference.high))), and both give the same label to "
            + "\(Notation.percent(pair.agreement)) of \(Notation.counted(pair.rows, "test row"))."
    }

    private func certainty(_ pair: PairedComparison) -> String {
        let found = Notation.fixed(pair.minimumDetectableEffect * 100, 1)
        if pair.accuracyDifference.includesZero {
            return "The interval includes zero: this test set shows no difference in accuracy, and would find one of "
                + "\(found) points or more four times out of five."
        }
        let direction = pair.accuracyDifference.value < 0 ? "loss" : "gain"
        return "The interval excludes zero: the \(direction) is more than chance "
            + "(McNemar exact p \(Notation.comparedP(pair.mcnemarP)))."
    }

    private var gainOfDistillation: String? {
        guard let pair = pair("labels_only", "student") else { return nil }
        let difference = pair.accuracyDifference
        let change =
            difference.value == 0
            ? "neither gained nor lost accuracy"
            : "\(difference.value > 0 ? "gained" : "lost") \(Notation.fixed(abs(difference.value) * 100, 1)) points"
        return "Distillation \(change) against the same student trained on labels alone "
            + "(95% interval \(Notation.points(difference.low)) to \(Notation.points(difference.high)))."
    }

    private static func change(_ ratio: Double, _ better: String, _ worse: String) -> String {
        ratio >= 1 ? "\(Notation.ratio(ratio)) \(better)" : "\(Notation.ratio(1 / ratio)) \(worse)"
    }
}
