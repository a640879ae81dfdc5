/// The weights of the combined loss a_ce · CE + a_kl · T² · D + a_f · Σ F / pairs + a_r · R + a_a · Σ A / pairs.
public struct LossWeights: Sendable {
    public var crossEntropy: Float
    public var kl: Float
    public var divergence: Divergence
    public var temperature: Double
    public var temperatureSquared: Bool
    public var features: Float
    public var featureLoss: FeatureLoss
    /// Hidden states that are matched: (student layer, teacher layer), 0 the embedding output.
    public var featurePairs: [(student: Int, teacher: Int)]
    /// Nil where relations are not matched.
    public var relations: Relations?
    public var attention: Float
    /// Attention maps that are matched: (student layer, teacher layer), counted from 1.
    public var attentionPairs: [(student: Int, teacher: Int)]
    /// What some of these numbers become until the last step.
    public var end = Ends()

    /// How hidden states are compared.
    public enum FeatureLoss: Sendable {
        case squaredError, cosine
    }

    /// Matches the relations among queries, among keys and among values of one layer of each model.
    public struct Relations: Sendable {
        public var weight: Float
        /// Counted from 1.
        public var studentLayer: Int
        public var teacherLayer: Int
        /// Into how many heads queries, keys and values of both models are cut (A_r).
        public var heads: Int

        public init(weight: Float, studentLayer: Int, teacherLayer: Int, heads: Int) {
            self.weight = weight
            self.studentLayer = studentLayer
            self.teacherLayer = teacherLayer
            self.heads = heads
        }
    }

    public init(
        crossEntropy: Float, kl: Float, divergence: Divergence = .forwardKL, temperature: Double,
        temperatureSquared: Bool, features: Float, featureLoss: FeatureLoss = .squaredError,
        featurePairs: [(student: Int, teacher: Int)], relations: Relations? = nil, attention: Float = 0,
        attentionPairs: [(student: Int, teacher: Int)] = []
    ) {
        self.crossEntropy = crossEntropy
        self.kl = kl
        self.divergence = divergence
        self.temperature = temperature
        self.temperatureSquared = temperatureSquared
        self.features = features
        self.featureLoss = featureLoss
        self.featurePairs = featurePairs
        self.relations = relations
        self.attention = attention
        self.attentionPairs = attentionPairs
    }

    /// Cross-entropy with the labels alone.
    public static let labelsOnly = LossWeights(
        crossEntropy: 1, kl: 0, temperature: 1, temperatureSquared: true, features: 0, featurePairs: [])

    /// For recovering after compression: the weights of the end, without the matching of what is inside of the models, unless
    /// that is all there is.
    public var forRecovery: LossWeights {
        var weights = at(1)
        guard weights.crossEntropy > 0 || weights.kl > 0 else { return weights }
        weights.features = 0
        weights.featurePairs = []
        weights.relations = nil
        weights.attention = 0
        weights.attentionPairs = []
        return weights
    }

    /// Whether anything but the labels is asked for; of weights that change, see `largest`.
    var needsTeacher: Bool { kl > 0 || features > 0 || attention > 0 || relations.map { $0.weight > 0 } ?? false }

    /// The student's layers whose queries, keys and values are matched.
    var studentAttentionLayers: Set<Int> {
        var layers = Set(attention > 0 ? attentionPairs.map(\.student) : [])
        if let relations, relations.weight > 0 { layers.insert(relations.studentLayer) }
        return layers
    }
}
