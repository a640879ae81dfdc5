import Files

/// The values that a metric can have: a limit that all of them keep says nothing.
struct GateRange {
    let metric: String
    /// Whose upper end may be `greatestFiniteMagnitude`, which is none.
    let values: ClosedRange<Double>

    /// What is wrong with a limit, and what to do.
    typealias Fault = (problem: String, remedy: String)

    private var isBounded: Bool { values.upperBound < .greatestFiniteMagnitude }

    private var described: String {
        let (low, high) = (values.lowerBound, values.upperBound)
        return "\(metric) \(isBounded ? "lies in \(low)…\(high)" : "is at least \(Int(low))")"
    }

    /// Of a number as the limit; nil where it can be missed and kept.
    func fault(limit: Double, isAtLeast: Bool) -> Fault? {
        guard values.contains(limit) else {
            return (
                "\(described); found \(limit)",
                values.upperBound == 100
                    ? "give it as the reference implementation does, out of 100"
                    : isBounded ? "write shares as fractions: 0.95, not 95" : "give a number that it can have"
            )
        }
        guard limit == (isAtLeast ? values.lowerBound : values.upperBound) else { return nil }
        return cannotFail
    }

    /// Of factor · (another value of the metric) + offset as the limit.
    func fault(factor: Double, offset: Double, isAtLeast: Bool) -> Fault? {
        guard factor > 0 else { return ("a factor is above 0; found \(factor)", "write for instance 0.99") }
        let width = values.upperBound - values.lowerBound
        guard isBounded, isAtLeast ? offset <= -width : offset >= width else { return nil }
        return cannotFail
    }

    private var cannotFail: Fault { ("cannot fail, as \(described)", "give a limit that can be missed") }
}
