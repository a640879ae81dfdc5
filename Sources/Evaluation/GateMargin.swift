extension Gate {
    /// The metric minus the threshold.
    func margin(value: Double, modelValue: Double?) -> Double {
        value - threshold.factor * (modelValue ?? 0) - threshold.offset
    }

    /// The metric minus the threshold with its 95 % interval over rows, of which both models answer the same ones: see
    /// `Bootstrap.statistic`.
    ///
    /// - Parameters:
    ///   - own: the metric of the model in question on the rows with these numbers.
    ///   - other: that of the model that the threshold names; nil where it names none.
    public func margin(
        rows: Int, seed: UInt64, of own: ([Int]) -> Double, against other: (([Int]) -> Double)? = nil
    ) -> Estimate {
        Bootstrap.statistic(rows: rows, seed: seed) { rows in
            margin(value: own(rows), modelValue: other.map { $0(rows) })
        }
    }
}
