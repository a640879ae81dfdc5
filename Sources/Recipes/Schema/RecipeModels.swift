extension Recipe {
    /// The model to learn from. At most one of `model` and `train` is set; with neither, what was recorded stands for it.
    public struct Teacher: Equatable, Sendable {
        public var model: String?
        /// Nil where `model` is taken as it is.
        public var fineTune: FineTuning?
        public var train: TeacherTraining?
        public var targets = Targets()
    }

    /// How a published model is trained on the labels first; a classifier that it lacks begins at random.
    public struct FineTuning: Equatable, Sendable {
        public var epochs = 3
        public var batch = 32
        public var learningRate = 5e-5
        public var warmup = 0.1
        public var weightDecay = 0.01
    }

    /// A teacher that the run itself trains on the labels first: its shape, and how it is trained.
    public struct TeacherTraining: Equatable, Sendable {
        public var layers = 0
        public var hidden = 0
        public var heads = 0
        public var feedForward = 0
        public var dropout = 0.1
        public var epochs = 4
        public var batch = 32
        public var learningRate = 5e-4
        public var warmup = 0.1
        public var weightDecay = 0.01
    }

    /// How the teacher's outputs are recorded.
    public struct Targets: Equatable, Sendable {
        public var source = TargetSource.recorded
        /// What was recorded before the run; nil where the run records.
        public var file: String?
        /// Several teachers' recordings in place of one; nil where there is none.
        public var mix: TargetMix?
        /// Of a language model's predictions; a classifier's are kept whole.
        public var keep = 64
        public var dtype = TargetPrecision.float16
    }

    /// Several teachers' recordings of the same rows, which are made one.
    public struct TargetMix: Equatable, Sendable {
        public var files: [String] = []
        /// Equal where it is empty.
        public var weights: [Double] = []
        public var rule = MixRule.mean
    }

    /// Which teachers speak for a row.
    public enum MixRule: String, SettingChoice {
        case mean
        case mostConfident = "most_confident"
    }

    /// Element type of recorded logits and hidden states.
    public enum TargetPrecision: String, SettingChoice {
        case float16, float32
    }

    /// The small model's shape, and where its first weights come from.
    public struct Student: Equatable, Sendable {
        public var layers = 0
        /// Nil where they are the teacher's.
        public var hidden: Int?
        public var heads: Int?
        public var keyHeads: Int?
        public var feedForward: Int?
        public var dropout = 0.1
        public var initialize = Initialization.random
        /// The teacher's layer for each of the student's, counted from 1; nil: evenly spaced.
        public var teacherLayers: [Int]?
        /// Directory of the model that `initialize: checkpoint` begins with.
        public var checkpoint: String?
    }

    /// Where the student's first weights come from.
    public enum Initialization: String, SettingChoice {
        case random
        case teacherLayers = "teacher_layers"
        case checkpoint
    }
}

extension Recipe.Targets {
    /// The recordings that the recipe names.
    var named: [String] { file.map { [$0] } ?? mix?.files ?? [] }
}

extension Recipe.Teacher: Section {
    static let fields: [Field<Self>] = [
        Field("model", \.model, .text(.line), "Directory of a finished model to learn from."),
        Field(
            optionalSection: "fine_tune", \.fineTune,
            "Trains `model` on the labels first; a checkpoint without a classifier gets a fresh one."),
        Field(
            optionalSection: "train", \.train,
            "Trains the teacher on the labels first: its shape, and how it is trained."),
        Field(section: "targets", \.targets, "How the teacher's outputs are recorded for the student."),
    ]
}

extension Recipe.TeacherTraining: Section {
    static let fields: [Field<Self>] = [
        Field("layers", \.layers, .integer(1...96), presence: .required, "Transformer layers."),
        Field("hidden", \.hidden, .integer(1...8192), presence: .required, "Width of the hidden states."),
        Field(
            "heads", \.heads, .integer(1...128), presence: .required, "Attention heads per layer; must divide `hidden`."
        ),
        Field(
            "feed_forward", \.feedForward, .integer(1...65_536), presence: .required,
            "Neurons of each feed-forward block."),
        Field("dropout", \.dropout, .number(.from(0, below: 1)), "Share of activations dropped while training."),
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training rows."),
        Field("batch", \.batch, .integer(1...65_536), "Rows per optimizer step."),
        Field("learning_rate", \.learningRate, .number(.above(0, to: 1)), "Highest learning rate."),
        Field("warmup", \.warmup, .number(.from(0, below: 1)), "Share of the steps over which the rate rises from 0."),
        Field("weight_decay", \.weightDecay, .number(.from(0, to: 1)), "Decoupled weight decay."),
    ]
}

extension Recipe.FineTuning: Section {
    static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training rows."),
        Field("batch", \.batch, .integer(1...65_536), "Rows per optimizer step."),
        Field("learning_rate", \.learningRate, .number(.above(0, to: 1)), "Highest learning rate."),
        Field("warmup", \.warmup, .number(.from(0, below: 1)), "Share of the steps over which the rate rises from 0."),
        Field("weight_decay", \.weightDecay, .number(.from(0, to: 1)), "Decoupled weight decay."),
    ]
}

extension Recipe.Targets: Section {
    static let fields: [Field<Self>] = [
        Field(
            "source", \.source,
            "`recorded`: the teacher runs once over the training rows. `live`: it runs in every step, which takes longer and no "
                + "room on the disk."),
        Field(
            "file", \.file, .text(.line),
            "Soft targets that are there already, a file or a directory of parts, as `retort label` writes them from a model, from "
                + "API answers or from several teachers. Their rows were made by the tokenizer of `teacher.model`, or, where "
                + "there is no model, of `tokenizer.directory`."),
        Field(
            optionalSection: "mix", \.mix,
            "Several recordings of the same rows, of several teachers, in place of `file`: the stage `label` makes one of them, as "
                + "`retort label mix` does."),
        Field(
            "keep", \.keep, .integer(1...65_536),
            "Of a language model: how many of the likeliest tokens are kept at each position; the rest is one bucket. "
                + "`retort label --choose-k` shows what a number costs and loses."),
        Field("dtype", \.dtype, "Element type of the recorded hidden states."),
    ]
}

extension Recipe.TargetMix: Section {
    static let fields: [Field<Self>] = [
        Field(
            "files", \.files, .list(of: .text(.line), count: 2...64, distinct: true), presence: .required,
            "Soft-target files, or directories of parts."),
        Field(
            "weights", \.weights, .list(of: .number(.above(0, to: 1_000_000)), count: 0...64, distinct: false),
            "With `rule: mean`, a weight per file; they are scaled to sum to 1. By default all count alike."),
        Field(
            "rule", \.rule,
            "`mean`: the weighted mean of the probabilities. `most_confident`: each row is the teacher's that doubts least (lowest "
                + "entropy)."),
    ]
}

extension Recipe.Student: Section {
    static let fields: [Field<Self>] = [
        Field("layers", \.layers, .integer(1...96), presence: .required, "Transformer layers."),
        Field("hidden", \.hidden, .integer(1...8192), "Width of the hidden states; by default the teacher's."),
        Field(
            "heads", \.heads, .integer(1...128),
            "Attention heads per layer; must divide `hidden`. By default the teacher's."),
        Field(
            "key_heads", \.keyHeads, .integer(1...128),
            "Of a language model: heads of keys and values, which must divide `heads`. By default as many queries share one as in "
                + "the teacher."),
        Field(
            "feed_forward", \.feedForward, .integer(1...65_536),
            "Neurons of each feed-forward block; by default the teacher's."),
        Field("dropout", \.dropout, .number(.from(0, below: 1)), "Share of activations dropped while training."),
        Field(
            "initialize", \.initialize,
            "First weights: drawn at random; copied from layers of the teacher; or from those of `checkpoint`. Of a wider encoder "
                + "the first columns, whole heads and neurons are taken, the same ones in all layers; a language model's student has the "
                + "teacher's sizes."),
        Field(
            "teacher_layers", \.teacherLayers, .list(of: .integer(1...96), count: 1...96, distinct: true),
            "With `initialize: teacher_layers`: which of the teacher's layers, counted from 1, one for each of the student's. "
                + "Without it they are evenly spaced and end with the last."),
        Field(
            "checkpoint", \.checkpoint, .text(.line),
            "With `initialize: checkpoint`: the directory of a model with the run's tokenizer, to whose layers, evenly spaced, the "
                + "student adds what it learns. A classifier that it lacks begins at random."),
    ]
}
