extension Recipe {
    /// How hidden states are compared.
    public enum FeatureKind: String, SettingChoice {
        /// Mean squared error.
        case mse
        /// 1 − the cosine.
        case cosine
    }

    /// The relations inside of attention, between one layer of each model.
    public struct Relations: Equatable, Sendable {
        public var weight = 1.0
        public var weightEnd: Double?
        public var studentLayer = 0
        public var teacherLayer = 0
        public var heads = 0
    }

    /// The attention scores before softmax.
    public struct AttentionMaps: Equatable, Sendable {
        public var weight = 1.0
        public var weightEnd: Double?
        public var pairs: [LayerPair] = []
    }

    /// Where the teacher's outputs come from while the student learns.
    public enum TargetSource: String, SettingChoice {
        /// From a file: the teacher runs once over the training rows.
        case recorded
        /// From the teacher itself, which runs in every step.
        case live
    }
}

extension Recipe {
    /// Every loss that the recipe has, and where: its own, then those of training stages.
    var losses: [(path: String, loss: Loss)] {
        [("loss", loss)]
            + train.stages.enumerated().compactMap { index, stage in
                stage.loss.map { ("train.stages[\(index)].loss", $0) }
            }
    }

    /// Whether any loss asks for the teacher's predictions.
    var usesPredictions: Bool { losses.contains(where: \.loss.usesPredictions) }

    /// The temperatures at which it does.
    var temperatures: [Double] {
        Set(losses.map(\.loss).filter(\.usesPredictions).map(\.kl.temperature)).sorted()
    }

    /// The teacher's layers that any loss asks about, as `Loss.recorded`.
    public var recorded: (hidden: [Int], attention: [Int]) {
        let all = losses.map(\.loss.recorded)
        return (Set(all.flatMap(\.hidden)).sorted(), Set(all.flatMap(\.attention)).sorted())
    }
}

extension Recipe.Loss {
    var usesPredictions: Bool { kl.largestWeight > 0 }

    /// The teacher's layers that the loss asks about: hidden states, 0 being the embedding's output, and queries, keys and
    /// values of the layers from 1.
    public var recorded: (hidden: [Int], attention: [Int]) {
        let relations = [relations?.teacherLayer].compactMap { $0 }
        return (
            Set((features?.pairs ?? []).map(\.teacher)).sorted(),
            Set(relations + (attention?.pairs ?? []).map(\.teacher)).sorted()
        )
    }
}

extension Recipe.Relations: Section {
    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(.from(0, to: 1000)), "Weight of the divergence."),
        Field("weight_end", \.weightEnd, .number(.from(0, to: 1000)), "Its weight in the last step."),
        Field(
            "student_layer", \.studentLayer, .integer(1...96), presence: .required,
            "The student's layer, counted from 1: usually its last."),
        Field(
            "teacher_layer", \.teacherLayer, .integer(1...96), presence: .required,
            "The teacher's layer, counted from 1: its last, or of a large teacher one a few layers before."),
        Field(
            "heads", \.heads, .integer(1...1024), presence: .required,
            "Relation heads: into how many queries, keys and values of both models are cut; must divide both widths."),
    ]
}

extension Recipe.AttentionMaps: Section {
    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(.from(0, to: 1000)), "Weight of the error."),
        Field("weight_end", \.weightEnd, .number(.from(0, to: 1000)), "Its weight in the last step."),
        Field(
            "pairs", \.pairs,
            .list(of: .list(of: .integer(1...96), count: 2...2, distinct: false), count: 1...96, distinct: true),
            presence: .required, "Pairs [student layer, teacher layer], counted from 1."),
    ]
}
