extension Recipe {
    /// How the distilled student is fine-tuned on other rows.
    public struct Adapt: Equatable, Sendable {
        public var train = ""
        /// Nil: the stage is judged by `data.validation` alone.
        public var validation: String?
        public var epochs = 1
        public var learningRate = 1e-4
        public var hold = Hold()
    }

    /// What keeps the student near what it has learned.
    public struct Hold: Equatable, Sendable {
        public var kind = HoldKind.kl
        public var weight = 1.0
        public var temperature = 2.0
    }

    /// What the student is held by.
    public enum HoldKind: String, SettingChoice {
        /// T² · KL(p‖q), p what the student said before.
        case kl
        /// ½‖w − w⁰‖² over all weights but those of the head.
        case l2sp = "l2_sp"
    }
}

extension Recipe.Adapt: Section {
    static let fields: [Field<Self>] = [
        Field(
            "train", \.train, .text(.line), presence: .required,
            "The rows to learn from, as `data.train`, with the same columns and no other labels."),
        Field(
            "validation", \.validation, .text(.line),
            "Rows of the same kind, on which the stage says how good the student was before and is after it."),
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over these rows."),
        Field(
            "learning_rate", \.learningRate, .number(.above(0, to: 1)),
            "Highest learning rate; batches, schedule, warm-up and clipping are those of `train`."),
        Field(section: "hold", \.hold, "What keeps the student near what it has learned."),
    ]
}

extension Recipe.Hold: Section {
    static let fields: [Field<Self>] = [
        Field(
            "kind", \.kind,
            "`kl`: the divergence T²·KL from what the student said before, on the same rows. `l2_sp`: half the squared distance of "
                + "its weights, the head's (pooler and classifier) apart, from those it had (Li et al. 2018, arXiv 1802.01483), in the place of weight decay."
        ),
        Field(
            "weight", \.weight, .number(.from(0, to: 1_000_000)),
            "Weight of the penalty beside the cross-entropy; 0 is plain fine-tuning."),
        Field("temperature", \.temperature, .number(.above(0, to: 100)), "Of `kl`."),
    ]
}
