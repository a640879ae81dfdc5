extension Recipe {
    /// What is removed from the trained student.
    public struct Prune: Equatable, Sendable {
        public var heads = PruneHeads()
        /// Nil when all layers stay.
        public var layers: PruneLayers?
        /// Nil when all neurons stay.
        public var feedForward: PruneFeedForward?
        /// Whether tokens go that the training rows never use.
        public var vocabulary = false
    }

    /// How many attention heads go, and how they are chosen.
    public struct PruneHeads: Equatable, Sendable {
        public var criterion = Criterion.sensitivity
        public var keep = 0.6
        public var rounds = 3
        public var recoverSteps = 100
        /// After the last round; nil: as after the others.
        public var lastRecoverSteps: Int?
        public var minHeads = 1
        public var normalize = Normalization.layer
        public var calibration = 512
        public var against = CalibrationTarget.labels

        /// Training steps after a round, counted from 1.
        func recoverSteps(after round: Int) -> Int {
            round == rounds ? lastRecoverSteps ?? recoverSteps : recoverSteps
        }

        /// Training steps after all rounds.
        var allRecoverSteps: Int { (1...rounds).reduce(0) { $0 + recoverSteps(after: $1) } }
    }

    /// How many feed-forward neurons stay.
    public struct PruneFeedForward: Equatable, Sendable {
        public var keep = 0.75
        public var minNeurons = 1
    }

    /// How many whole layers stay.
    public struct PruneLayers: Equatable, Sendable {
        public var keep = 3
    }

    /// What the loss of a criterion is taken against.
    public enum CalibrationTarget: String, SettingChoice {
        /// The labels of the training rows.
        case labels
        /// The outputs of the unpruned model.
        case ownOutputs = "own_outputs"
    }

    /// How the importance of a head is measured.
    public enum Criterion: String, SettingChoice {
        case sensitivity, taylor, fisher, activation, relevance, ablation, magnitude
    }

    /// How the scores of different layers are made comparable.
    public enum Normalization: String, SettingChoice {
        case layer, none
    }

    /// How the student becomes an integer model.
    public struct Quantize: Equatable, Sendable {
        public var method = Method.qat
        public var steps = 200
        public var learningRate = 1e-4
        public var weights = WeightFormat.int8PerChannel
        public var activations = ActivationFormat.int8Static
        public var reduceRange = false
        public var smoothing = 0.0
        public var keepFloat: [String] = []
        public var calibration = Calibration()
        /// Nil when the parts that stay float are those of `keepFloat` alone.
        public var sensitivity: QuantizeSensitivity?
    }

    /// When parts of the model go back to float by themselves.
    public struct QuantizeSensitivity: Equatable, Sendable {
        public var rows = 256
        public var kl = 0.01
        public var agreement = 0.99
        public var most = 4
    }

    /// When the rounding to integers is taken into account.
    public enum Method: String, SettingChoice {
        /// In further training steps that round as the integer model will.
        case qat
        /// As `qat`, and the steps of the grids are trained too (LSQ).
        case lsq
        /// Only after training.
        case ptq

        /// Whether there are training steps.
        public var trains: Bool { self != .ptq }
    }

    /// Integer format of the weights.
    public enum WeightFormat: String, SettingChoice {
        case int8PerChannel = "int8_per_channel"
    }

    /// Integer format of the activations.
    public enum ActivationFormat: String, SettingChoice {
        /// On grids that calibration finds.
        case int8Static = "int8_static"
        /// Each token on a grid of its own.
        case int8Dynamic = "int8_dynamic"
    }

    /// How the ranges of the activations are found.
    public struct Calibration: Equatable, Sendable {
        public var rows = 512
        public var method = RangeMethod.percentile
        public var percentile = 99.99
    }

    /// How a range comes from observed values.
    public enum RangeMethod: String, SettingChoice {
        case minMax = "minmax"
        case movingAverage = "moving_average"
        case percentile, entropy, mse
    }
}

extension Recipe.Prune: Section {
    static let fields: [Field<Self>] = [
        Field(section: "heads", \.heads, "Which attention heads are removed. `keep: 1` removes none."),
        Field(
            optionalSection: "layers", \.layers,
            "Removes whole layers before the rounds: those that turn their input least, by 1 − cos. Without this section they "
                + "all stay."),
        Field(
            optionalSection: "feed_forward", \.feedForward,
            "Removes feed-forward neurons in the same rounds. Without this section they all stay."),
        Field(
            "vocabulary", \.vocabulary, .boolean,
            "Leaves out of the pruned model, and of its tokenizer, the tokens that no training row uses; special tokens and pieces "
                + "of one character stay. For WordPiece tokenizers."),
    ]
}

extension Recipe.PruneHeads: Section {
    static let fields: [Field<Self>] = [
        Field("criterion", \.criterion, "How the importance of a head is measured."),
        Field("keep", \.keep, .number(.above(0, to: 1)), "Share of all heads that stays."),
        Field(
            "rounds", \.rounds, .integer(1...100),
            "Rounds in which an equal part is scored, removed and recovered from."),
        Field(
            "recover_steps", \.recoverSteps, .integer(0...1_000_000),
            "Training steps after each round, with the cross-entropy and KL that the student's training ends with, at half of the "
                + "learning rate."),
        Field(
            "last_recover_steps", \.lastRecoverSteps, .integer(0...1_000_000),
            "Training steps after the last round; null: as many as after the others."),
        Field(
            "min_heads", \.minHeads, .integer(0...128),
            "Heads that stay in every layer. With 0 a layer may lose its whole attention; `quantize` needs one."),
        Field("normalize", \.normalize, "Whether scores are divided by their layer's norm before they are compared."),
        Field("calibration", \.calibration, .integer(1...1_000_000), "Training rows that the scores are measured on."),
        Field(
            "against", \.against,
            "What the loss of the scores is taken against. `taylor` needs `labels`: against `own_outputs` it has no first-order "
                + "change."),
    ]
}

extension Recipe.PruneLayers: Section {
    static let fields: [Field<Self>] = [
        Field("keep", \.keep, .integer(1...128), "Layers that stay, less than `student.layers`.")
    ]
}

extension Recipe.PruneFeedForward: Section {
    static let fields: [Field<Self>] = [
        Field("keep", \.keep, .number(.above(0, to: 1)), "Share of all neurons that stays."),
        Field(
            "min_neurons", \.minNeurons, .integer(0...1_000_000),
            "Neurons that stay in every layer. With 0 a layer may lose its whole feed-forward block; `quantize` needs one."
        ),
    ]
}

extension Recipe.Quantize: Section {
    static let fields: [Field<Self>] = [
        Field(
            "method", \.method,
            "`qat` trains on with rounding in place, `lsq` trains the steps of the grids too; `ptq` rounds the finished student, "
                + "and leaves `steps` unused."),
        Field("steps", \.steps, .integer(1...1_000_000), "Training steps with rounding in place."),
        Field("learning_rate", \.learningRate, .number(.above(0, to: 1)), "Highest learning rate of these steps."),
        Field("weights", \.weights, "Integer format of the weights."),
        Field(
            "activations", \.activations,
            "Integer format of the activations: `int8_static` on grids that calibration finds, `int8_dynamic` on one per token."
        ),
        Field(
            "reduce_range", \.reduceRange, .boolean,
            "Weights in 7 bits, for x86 processors without VNNI, where other programs' products of 8 bits overflow."),
        Field(
            "smoothing", \.smoothing, .number(.from(0, to: 1)),
            "How much of the difficulty of rounding moves from activations to weights (SmoothQuant's alpha); 0 for none."
        ),
        Field(
            "keep_float", \.keepFloat, .list(of: .text(.line), count: 0...4096, distinct: true),
            "Parts that stay float: `embeddings`, `layer.0.attention.self`, `layer.0.attention.output`, "
                + "`layer.0.intermediate`, `layer.0.output`, …, `pooler`."),
        Field(section: "calibration", \.calibration, "How the ranges of the activations are found."),
        Field(
            optionalSection: "sensitivity", \.sensitivity,
            "Measures each part quantized alone, and keeps the worst in float until the whole is close to the float model. "
                + "The table is quantize/sensitivity.csv."),
    ]
}

extension Recipe.QuantizeSensitivity: Section {
    static let fields: [Field<Self>] = [
        Field("rows", \.rows, .integer(1...1_000_000), "Validation rows that are compared, at most."),
        Field("kl", \.kl, .number(.from(0, to: 100)), "Highest mean KL of the classes against the float model."),
        Field(
            "agreement", \.agreement, .number(.from(0, to: 1)),
            "Lowest share of rows whose likeliest class is that of the float model."),
        Field("most", \.most, .integer(0...4096), "Parts that may go back to float."),
    ]
}

extension Recipe.Calibration: Section {
    static let fields: [Field<Self>] = [
        Field("rows", \.rows, .integer(1...1_000_000), "Training rows that are observed."),
        Field("method", \.method, "How a range comes from the observed values."),
        Field(
            "percentile", \.percentile, .number(.above(50, to: 100)),
            "Share in percent of the values that the range holds, for `method: percentile`."),
    ]
}
