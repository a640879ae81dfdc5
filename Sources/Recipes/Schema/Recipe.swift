/// Everything that a run does, as one YAML file says it: which data, which teacher, which student, and each stage.
///
/// Each property is the recipe key of the same name in snake case. What a key means, its default and its range stand
/// once, in the `fields` of its section; the error messages, the JSON Schema and the reference page come from there.
public struct Recipe: Sendable {
    public var schema = 0
    public var name = ""
    public var seed: UInt64 = 42
    public var task = Task.classification
    public var data = DataSection()
    public var tokenizer = Tokenizer()
    public var teacher = Teacher()
    public var student = Student()
    public var loss = Loss()
    public var train = Train()
    /// Nil when the recipe has no such section: the stage is left out.
    public var adapt: Adapt?
    /// Nil when the recipe has no such section: the stage is left out.
    public var prune: Prune?
    /// Nil when the recipe has no such section: the stage is left out.
    public var quantize: Quantize?
    public var export = [ExportFormat.onnx, .safetensors]
    public var evaluate = Evaluate()
    public var run = Run()

    /// Where each key of the recipe was written. Not part of equality.
    public internal(set) var places = RecipePlaces(file: "recipe")

    init() {}
}

extension Recipe {
    /// What the model learns to do.
    public enum Task: String, SettingChoice {
        /// Texts get one of some classes.
        case classification
        /// Texts get a number.
        case regression
        /// Texts get a vector; alike texts alike ones.
        case embedding
        /// Texts are continued, token by token.
        case languageModel = "language-model"
    }
}

extension Recipe: Section {
    static let fields: [Field<Recipe>] = [
        Field("schema", \.schema, .integer(1...1), presence: .required, "Version of the recipe format."),
        Field(
            "name", \.name, .text(.fileName), presence: .required,
            "Name of the recipe; run directories start with it."),
        Field(
            "seed", \.seed, .integer(0...Int.max),
            "Seed of everything random. Same recipe, seed, machine and number of threads: same bytes."),
        Field("task", \.task, presence: .required, "What the model learns to do."),
        Field(section: "data", \.data, "The rows to learn from and to be judged by."),
        Field(
            section: "tokenizer", \.tokenizer,
            "The WordPiece vocabulary: trained on the training texts, or taken from a directory. A teacher's `model` brings its own."
        ),
        Field(
            section: "teacher", \.teacher,
            "The model to learn from: `model`, or `train`, or with `targets` alone what was recorded before."),
        Field(section: "student", \.student, "The small model: a transformer encoder with a classifier."),
        Field(
            section: "loss", \.loss,
            "What the student minimizes: `cross_entropy`·CE + `kl.weight`·T²·KL + `features.weight`·MSE, and what is added below."
        ),
        Field(section: "train", \.train, "How the student is trained."),
        Field(
            optionalSection: "adapt", \.adapt,
            "Fine-tunes the distilled student on the labels of other rows, held to what it has learned. Pruning and quantization "
                + "start from the result, and recover on `data.train`. Without this section nothing is fine-tuned."),
        Field(
            optionalSection: "prune", \.prune,
            "Removes attention heads and feed-forward neurons after training. Without this section nothing is pruned."),
        Field(
            optionalSection: "quantize", \.quantize,
            "Turns weights and activations into 8-bit integers. Without this section the model stays in float."),
        Field(
            "export", \.export,
            .list(of: .choice(ExportFormat.self), count: 1...ExportFormat.allCases.count, distinct: true),
            "Formats in which the finished model is written."),
        Field(section: "evaluate", \.evaluate, "What is measured, and what must hold for the run to succeed."),
        Field(section: "run", \.run, "Where the run keeps its files, and how often it saves them."),
    ]
}

extension Recipe: Equatable {
    /// Whether both say the same, wherever their files say it.
    public static func == (a: Recipe, b: Recipe) -> Bool {
        a.setting == b.setting
    }
}
