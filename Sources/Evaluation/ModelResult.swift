/// One model on the test set: what it answered, and what it costs.
public struct ModelResult: Sendable {
    /// The keys that a pipeline run gives its models, in the order in which the models come to be.
    public static let standardKeys = ["teacher", "labels_only", "student", "adapted", "pruned", "int8"]

    /// Identifies the model in `report.json` and in gates: `teacher`, `labels_only`, `student`, `adapted`, `pruned`, `int8`.
    public var key: String
    /// Shown to people: `Student without distillation`.
    public var name: String
    /// The model's file or directory.
    public var path: String
    public var parameters: Int
    /// Size of the model on disk.
    public var bytes: Int
    /// N × C, row-major, rows in data order; empty where only `labels` are known.
    public var logits: [Float]
    /// The label of each row, of a recording: where probabilities are known too, the likeliest class, and of equal ones the
    /// one that was recorded.
    public var labels: [Int]?
    /// Attention heads that each layer keeps.
    public var heads: [Int]
    /// Feed-forward neurons that each layer keeps.
    public var feedForward: [Int]
    /// Nil if the latency was not measured.
    public var latency: LatencySummary?

    public init(
        key: String, name: String, path: String, parameters: Int, bytes: Int, logits: [Float], heads: [Int],
        feedForward: [Int], latency: LatencySummary? = nil, labels: [Int]? = nil
    ) {
        self.key = key
        self.name = name
        self.path = path
        self.parameters = parameters
        self.bytes = bytes
        self.logits = logits
        self.heads = heads
        self.feedForward = feedForward
        self.latency = latency
        self.labels = labels
    }

    /// What it says about each row.
    func predictions(classes: Int) -> Predictions {
        guard let labels, logits.isEmpty else {
            return Predictions(logits: logits, classes: classes, labels: labels)
        }
        return Predictions(labels: labels, classes: classes)
    }
}

/// The rows that every model answered, in the same order.
public struct EvaluationData: Sendable {
    /// The true class of each row, an index into `classNames`.
    public var labels: [Int]
    public var classNames: [String]
    public var texts: [String]
    /// Unique.
    public var ids: [String]
    /// Parts of the rows that are reported by themselves.
    public var slices: [Slice]

    public init(labels: [Int], classNames: [String], texts: [String], ids: [String], slices: [Slice] = []) {
        self.slices = slices
        self.labels = labels
        self.classNames = classNames
        self.texts = texts
        self.ids = ids
    }
}
