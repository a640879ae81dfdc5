extension Recipe {
    /// What the student minimizes.
    public struct Loss: Equatable, Sendable {
        public var crossEntropy = 0.5
        /// In the last step; nil: the same throughout.
        public var crossEntropyEnd: Double?
        public var kl = KL()
        /// With the numbers of a regression.
        public var squaredError = 0.5
        /// With the teacher's numbers or embeddings.
        public var output = Output()
        /// Nil when the hidden states are not matched.
        public var features: Features?
        /// Nil when the relations inside of attention are not matched.
        public var relations: Relations?
        /// Nil when the attention maps are not matched.
        public var attention: AttentionMaps?
    }

    /// The divergence between the teacher's and the student's softened predictions.
    public struct KL: Equatable, Sendable {
        public var weight = 0.5
        public var weightEnd: Double?
        public var temperature = 2.0
        public var temperatureEnd: Double?
        public var divergence = Divergence.forwardKL
        /// Of the Jensen–Shannon divergence; nil for the others.
        public var beta: Double?
        public var temperatureSquared = true
    }

    /// What keeps a student's numbers or embeddings near the teacher's.
    public struct Output: Equatable, Sendable {
        public var weight = 0.5
        public var kind = FeatureKind.mse
    }

    /// Which divergence, with p the teacher's and q the student's distribution.
    public enum Divergence: String, SettingChoice {
        /// KL(p‖q)
        case forwardKL = "forward_kl"
        /// KL(q‖p)
        case reverseKL = "reverse_kl"
        /// β·KL(p‖m) + (1 − β)·KL(q‖m), m = βp + (1 − β)q
        case jsd
    }

    /// What keeps projected hidden states of the student near those of the teacher.
    public struct Features: Equatable, Sendable {
        public var weight = 1.0
        public var weightEnd: Double?
        public var kind = FeatureKind.mse
        public var pairs: [LayerPair] = []
    }

    /// A student layer and the teacher layer that it should resemble, counted from 1; 0 is the embedding's output.
    public struct LayerPair: Hashable, Sendable {
        public var student: Int
        public var teacher: Int

        public init(student: Int, teacher: Int) {
            self.student = student
            self.teacher = teacher
        }
    }
}

extension Recipe.Loss: Section {
    static let fields: [Field<Self>] = [
        Field(
            "cross_entropy", \.crossEntropy, .number(.from(0, to: 1000)), "Weight of the cross-entropy with the labels."
        ),
        Field(
            "cross_entropy_end", \.crossEntropyEnd, .number(.from(0, to: 1000)),
            "Its weight in the last step, if it is to change: linearly with the step, as all that ends in `_end` does. Pruning "
                + "and quantization recover with the weights and the temperature of the end."),
        Field(section: "kl", \.kl, "Divergence from the teacher's predictions."),
        Field(
            "squared_error", \.squaredError, .number(.from(0, to: 1000)),
            "Of a regression: weight of the squared error against the labels. `cross_entropy` and `kl` are of classes and tokens, and "
                + "do nothing there, nor with embeddings."),
        Field(
            section: "output", \.output,
            "Of a regression or of embeddings: distance to what the teacher gives. A learned projection joins different widths and is "
                + "not exported."),
        Field(
            optionalSection: "features", \.features,
            "Error between hidden states. A learned projection joins different widths and is not exported."),
        Field(
            optionalSection: "relations", \.relations,
            "Divergence between the relations among queries, among keys and among values of one layer of each model "
                + "(MiniLMv2). Widths and heads may differ."),
        Field(
            optionalSection: "attention", \.attention,
            "Squared error between attention scores before softmax (TinyBERT). Needs as many heads in both layers of a pair."
        ),
    ]
}

extension Recipe.KL {
    /// Its weight at its largest.
    var largestWeight: Double { max(weight, weightEnd ?? 0) }
}

extension Recipe.KL: Section {
    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(.from(0, to: 1000)), "Weight of the divergence."),
        Field("weight_end", \.weightEnd, .number(.from(0, to: 1000)), "Its weight in the last step."),
        Field(
            "temperature", \.temperature, .number(.above(0, to: 100)),
            "Both models' logits are divided by it; above 1 it shows more of the teacher's doubts."),
        Field(
            "temperature_end", \.temperatureEnd, .number(.above(0, to: 100)),
            "The temperature of the last step. T² follows it."),
        Field(
            "divergence", \.divergence,
            "Which divergence: `forward_kl` is KL(teacher‖student), `reverse_kl` KL(student‖teacher), `jsd` the generalised "
                + "Jensen–Shannon divergence."),
        Field(
            "beta", \.beta, .number(.above(0, below: 1)),
            "With `jsd`: the teacher's share of the mixture that both are compared with; 0.5 where it is not given."),
        Field(
            "temperature_squared", \.temperatureSquared, .boolean,
            "Whether the divergence is multiplied by T², which keeps its gradient's scale independent of T."),
    ]
}

extension Recipe.Output: Section {
    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(.from(0, to: 1000)), "Weight of the distance."),
        Field(
            "kind", \.kind,
            "The distance: `mse` is the mean squared difference, `cosine` 1 − the cosine of the angle between."),
    ]
}

extension Recipe.Features: Section {
    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(.from(0, to: 1000)), "Weight of the error."),
        Field("weight_end", \.weightEnd, .number(.from(0, to: 1000)), "Its weight in the last step."),
        Field(
            "kind", \.kind,
            "The error: `mse` is the mean squared difference, `cosine` 1 − the cosine of the angle between."),
        Field(
            "pairs", \.pairs,
            .list(of: .list(of: .integer(0...96), count: 2...2, distinct: false), count: 1...97, distinct: true),
            presence: .required,
            "Pairs [student layer, teacher layer], counted from 1; 0 is the embedding's output."),
    ]
}

extension Recipe.LayerPair: SettingConvertible {
    init?(setting: SettingValue) {
        guard let layers = [Int](setting: setting), layers.count == 2 else { return nil }
        self.init(student: layers[0], teacher: layers[1])
    }
    var setting: SettingValue { [student, teacher].setting }
}
