extension Recipe {
    /// How the student is trained.
    public struct Train: Equatable, Sendable {
        public var epochs = 4
        public var batch = 32
        public var microBatch = 0
        public var optimizer = Optimizer.adamW
        public var learningRate = 5e-4
        public var schedule = Schedule.linear
        public var warmup = 0.1
        public var clip = 1.0
        public var weightDecay = 0.01
        /// Decay of the moving average of the weights; nil: none is kept.
        public var ema: Double?
        /// Nil: all epochs are trained.
        public var earlyStopping: EarlyStopping?
        public var maxSkipped = 20
        public var precision = PrecisionChoice.auto
        public var checkpointing = false
        public var baseline = true
        /// Empty: one stage, of `epochs` with the recipe's loss.
        public var stages: [TrainingPart] = []
    }

    /// One of several stages of a training.
    public struct TrainingPart: Equatable, Sendable {
        public var epochs = 0
        /// Nil: that of the whole training.
        public var learningRate: Double?
        /// Nil: the recipe's.
        public var loss: Loss?
    }

    /// When training ends before its last epoch.
    public struct EarlyStopping: Equatable, Sendable {
        public var metric = ValidationMetric.loss
        public var every = 100
        public var patience = 3
        public var minDelta = 0.0
    }

    /// What is watched on the validation rows.
    public enum ValidationMetric: String, SettingChoice {
        case loss, accuracy
    }

    /// The precision of training's matrix products.
    public enum PrecisionChoice: String, SettingChoice {
        /// The faster one on the machine that begins the run; the run records which it was.
        case auto
        case float32, bfloat16
    }

    /// What turns gradients into updates.
    public enum Optimizer: String, SettingChoice {
        case adamW = "adamw"
    }

    /// How the learning rate goes on after the warm-up.
    public enum Schedule: String, SettingChoice {
        case constant, linear, cosine
    }
}

extension Recipe.Train: Section {
    static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training rows."),
        Field(
            "batch", \.batch, .integer(1...65_536),
            "Rows per optimizer step. They are packed without padding, so that grouping rows of like length would save nothing."
        ),
        Field(
            "micro_batch", \.microBatch, .integer(1...65_536), presence: .sameAs("batch"),
            "Rows computed at once; must divide `batch`. Smaller saves memory and changes nothing else."),
        Field("optimizer", \.optimizer, "What turns gradients into updates."),
        Field("learning_rate", \.learningRate, .number(.above(0, to: 1)), "Highest learning rate."),
        Field("schedule", \.schedule, "How the learning rate goes on after the warm-up."),
        Field("warmup", \.warmup, .number(.from(0, below: 1)), "Share of the steps over which the rate rises from 0."),
        Field(
            "clip", \.clip, .number(.from(0, to: 1_000_000)), "Largest norm of the whole gradient; 0 switches it off."),
        Field(
            "weight_decay", \.weightDecay, .number(.from(0, to: 1)),
            "Decoupled weight decay, of all but norms and biases."),
        Field(
            "ema", \.ema, .number(.above(0, below: 1)),
            "Decay d of an exponential moving average of the weights, such as 0.999, which becomes the trained student; after t "
                + "steps it is at most (1 + t)/(10 + t). Without it the last weights are taken."),
        Field(
            optionalSection: "early_stopping", \.earlyStopping,
            "Ends training when the validation rows show no improvement, and takes the weights that did best on them. Without "
                + "this section all epochs are trained."),
        Field(
            "max_skipped", \.maxSkipped, .integer(0...1_000_000),
            "Steps in a row that may be left out because their loss or gradient is not finite. One more stops the run on a "
                + "checkpoint from before them; `learning_rate`, `clip`, `max_skipped` and `precision` may then be mended in the "
                + "run's resolved.yaml, and `retort resume` goes on from it."),
        Field(
            "precision", \.precision,
            "Precision of training's matrix products; weights and optimizer are float32. `auto` is bfloat16 where the "
                + "processor is faster in it, as `retort doctor` says, and is replaced by its choice in the run's recipe. "
                + "Quantization-aware training and everything that is measured use float32."),
        Field(
            "checkpointing", \.checkpointing, .boolean,
            "Whether backward computes each layer again instead of keeping its activations: less memory, about a third more "
                + "time, the same result."),
        Field(
            "baseline", \.baseline, .boolean,
            "Whether the same student is also trained on the labels only, so that the report shows what distilling won."
        ),
        Field(
            "stages", \.stages, .list(of: .section(Recipe.TrainingPart.keys), count: 0...16, distinct: false),
            "Trains the student in stages, each from the weights of the one before with a fresh optimizer, schedule and "
                + "projections, such as `[{epochs: 2, loss: {cross_entropy: 0, kl: {weight: 0}, features: {pairs: [[1, 1], [2, "
                + "3]]}}}, {epochs: 4}]`. `epochs` does not count then; the baseline trains as long as all stages together."
        ),
    ]
}

extension Recipe.EarlyStopping: Section {
    static let fields: [Field<Self>] = [
        Field(
            "metric", \.metric,
            "What is watched on the validation rows: the cross-entropy with the labels, or the share of right answers."),
        Field(
            "every", \.every, .integer(1...1_000_000),
            "Steps between two looks at the validation rows, with the moving average of the weights where there is one."
        ),
        Field(
            "patience", \.patience, .integer(1...1_000_000),
            "Looks in a row without an improvement after which training ends."),
        Field("min_delta", \.minDelta, .number(.from(0, to: 1000)), "An improvement is larger than this."),
    ]
}

extension Recipe.TrainingPart: Section {
    static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), presence: .required, "Passes over the training rows."),
        Field(
            "learning_rate", \.learningRate, .number(.above(0, to: 1)),
            "Highest learning rate; that of `train` where it is not given."),
        Field(
            optionalSection: "loss", \.loss, "What this stage minimizes; the recipe's `loss` where it is not given."),
    ]
}
