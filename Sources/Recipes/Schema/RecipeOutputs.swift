extension Recipe {
    /// What is measured, and what must hold for the run to succeed.
    public struct Evaluate: Equatable, Sendable {
        public var metrics = [Metric.accuracy, .macroF1]
        public var gates: [Gate] = []
        /// Whether gates are judged by the far end of the interval.
        public var strict = false
        public var latencyQueries = 200
    }

    /// A number that tells how good a classifier is.
    public enum Metric: String, SettingChoice {
        case accuracy
        case macroF1 = "macro_f1"
        /// Matthews correlation coefficient.
        case matthews
        /// Expected calibration error.
        case ece
    }

    /// A condition on a metric, such as `>= 0.99*teacher`, as it was written: the evaluation reads it.
    /// Its place is `evaluate.gates.<metric>`.
    public struct Gate: Equatable, Sendable {
        public var metric: String
        public var condition: String

        public init(metric: String, condition: String) {
            self.metric = metric
            self.condition = condition
        }
    }

    /// Where the run keeps its files, and how often it saves them.
    public struct Run: Equatable, Sendable {
        public var directory = "runs"
        public var checkpointEvery = 100
        public var keep = 3
        public var log = [LogFormat.jsonl]
        public var histogramEvery = 100
    }

    /// A format in which losses and metrics are logged.
    public enum LogFormat: String, SettingChoice {
        /// `metrics.jsonl`, which the report's curves are drawn from; it is always written.
        case jsonl
        /// `events.out.tfevents.…`
        case tensorboard
    }
}

extension Recipe.Evaluate: Section {
    static let fields: [Field<Self>] = [
        Field(
            "metrics", \.metrics, .list(of: .choice(Recipe.Metric.self), count: 1...4, distinct: true),
            "What is measured on the test rows."),
        gates,
        Field(
            "strict", \.strict, .boolean,
            "Whether gates must hold for the far end of the paired 95 % interval, not for the value alone."
        ),
        Field(
            "latency_queries", \.latencyQueries, .integer(1...1_000_000),
            "Single inputs that are timed for the latency percentiles."),
    ]

    /// A map in the recipe, and a list in Swift, which keeps the order of the recipe.
    private static let gates = Field<Self>(
        key: Key(
            name: "gates", kind: .entries(of: .text(.line)), presence: .defaulted, acceptsNull: false,
            defaultValue: .map([]),
            documentation: "Conditions on metrics, in quotes, such as `accuracy: \">= 0.99*teacher\"`. "
                + "One that fails ends the run with exit code 1."),
        get: { evaluate in
            .map(evaluate.gates.map { .init(name: $0.metric, value: .text($0.condition)) })
        },
        set: { evaluate, value in
            guard case .map(let entries) = value else { return }
            evaluate.gates = entries.compactMap { entry in
                String(setting: entry.value).map { Recipe.Gate(metric: entry.name, condition: $0) }
            }
        })
}

extension Recipe.Run: Section {
    static let fields: [Field<Self>] = [
        Field("directory", \.directory, .text(.line), "Directory in which each run makes one of its own."),
        Field("checkpoint_every", \.checkpointEvery, .integer(1...1_000_000), "Steps between two checkpoints."),
        Field("keep", \.keep, .integer(1...1000), "Newest checkpoints that are kept."),
        Field(
            "log", \.log, .list(of: .choice(Recipe.LogFormat.self), count: 1...2, distinct: true),
            "Formats in which losses and metrics are logged; metrics.jsonl is always written."),
        Field(
            "histogram_every", \.histogramEvery, .integer(0...1_000_000),
            "Steps between two histograms of the gradients for TensorBoard; 0 for none."),
    ]
}
