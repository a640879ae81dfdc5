/// What a model does on rows that it does not learn from.
public struct ValidationValues: Codable, Equatable, Sendable {
    /// Mean cross-entropy with the labels; of numbers and embeddings, their error.
    public var loss: Double
    /// Share of the rows, or positions, whose likeliest class is the label.
    ///
    /// Nil where answers are no classes.
    public var accuracy: Double?

    public init(loss: Double, accuracy: Double?) {
        self.loss = loss
        self.accuracy = accuracy
    }
}

/// When a training that gets no better on other rows ends; the best weights are kept, and taken in the end.
public struct EarlyStopping: Equatable, Sendable {
    /// What is watched: a loss is to fall, an accuracy to rise.
    public enum Metric: String, Sendable {
        case loss, accuracy
    }

    public var metric: Metric
    /// Steps between two looks at the validation rows; the last step is followed by one too.
    public var every: Int
    /// Looks in a row without an improvement after which training ends.
    public var patience: Int
    /// An improvement is larger than this.
    public var minimumDelta: Double

    public init(metric: Metric, every: Int, patience: Int, minimumDelta: Double) {
        precondition(every > 0 && patience > 0 && minimumDelta >= 0, "EarlyStopping: \(every), \(patience)")
        self.metric = metric
        self.every = every
        self.patience = patience
        self.minimumDelta = minimumDelta
    }

    func value(of values: ValidationValues) -> Double {
        switch metric {
        case .loss: values.loss
        case .accuracy: values.accuracy ?? .nan
        }
    }

    /// Whether `value` improves on the best so far; a value that is not finite never does.
    func isImprovement(_ value: Double, on best: Double?) -> Bool {
        guard value.isFinite else { return false }
        guard let best else { return true }
        switch metric {
        case .loss: return best - value > minimumDelta
        case .accuracy: return value - best > minimumDelta
        }
    }
}

/// Asks the validation rows while a model is trained.
public struct Validation {
    public let stopping: EarlyStopping
    /// Runs the model, with the weights that it has, over the validation rows.
    public let measure: () throws -> ValidationValues

    public init(stopping: EarlyStopping, measure: @escaping () throws -> ValidationValues) {
        self.stopping = stopping
        self.measure = measure
    }
}
