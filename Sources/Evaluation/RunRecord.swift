import Files

/// What a run did, apart from its models' answers: what a reader of the report needs to understand and repeat it.
public struct RunRecord: Sendable {
    /// A name and its value, shown and written in the given order.
    public struct Fact: Sendable, Equatable, Codable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The recipe's name.
    public var recipe: String
    /// YAML.
    public var resolvedRecipe: String
    /// Machine, threads, versions.
    public var environment: [Fact]
    /// The data set: source, rows of each split, licence.
    public var data: [Fact]
    public var learningCurves: [LearningCurve]
    public var headScores: [HeadScore]
    /// Commands that repeat the run.
    public var commands: [String]
    /// The command of a recipe's run, for a report that must not depend on where the run lies: files are found from where it was
    /// started.
    public static let repeating = [
        "retort run RUN/resolved.yaml  # RUN: this run's directory; from where it was started"
    ]
    /// SHA-256 of the inputs and outputs, by file.
    public var digests: [Fact]

    public init(
        recipe: String, resolvedRecipe: String = "", environment: [Fact] = [], data: [Fact] = [],
        learningCurves: [LearningCurve] = [], headScores: [HeadScore] = [], commands: [String] = [],
        digests: [Fact] = []
    ) {
        self.recipe = recipe
        self.resolvedRecipe = resolvedRecipe
        self.environment = environment
        self.data = data
        self.learningCurves = learningCurves
        self.headScores = headScores
        self.commands = commands
        self.digests = digests
    }
}

/// The training loss of one stage.
public struct LearningCurve: Sendable, Codable {
    public struct Point: Sendable, Codable {
        public var step: Int
        public var loss: Double
        /// The parts of the loss by name: `cross_entropy`, `kl`, `features`.
        public var terms: [String: Double]

        public init(step: Int, loss: Double, terms: [String: Double] = [:]) {
            self.step = step
            self.loss = loss
            self.terms = terms
        }
    }

    /// The stage's name: `teacher`, `student`, `prune`, `quantize`.
    public var stage: String
    /// Ascending in step.
    public var points: [Point]

    public init(stage: String, points: [Point]) {
        self.stage = stage
        self.points = points
    }

    /// At most 120 points, each the mean of a run of steps: a curve is readable where single steps are noise.
    public var thinned: LearningCurve {
        let limit = 120
        guard points.count > limit else { return self }
        let means = (0..<limit).map { i in
            let run = points[i * points.count / limit..<(i + 1) * points.count / limit]
            var terms: [String: Double] = [:]
            for name in Set(run.flatMap(\.terms.keys)) {
                let values = run.compactMap { $0.terms[name] }
                terms[name] = values.reduce(0, +) / Double(values.count)
            }
            let loss = run.reduce(0) { $0 + $1.loss } / Double(run.count)
            return Point(step: points[(i + 1) * points.count / limit - 1].step, loss: loss, terms: terms)
        }
        return LearningCurve(stage: stage, points: means)
    }
}

/// How much one attention head matters, and whether pruning removed it.
public struct HeadScore: Sendable, Codable {
    public var layer: Int
    public var head: Int
    public var score: Double
    /// Lower end of the score's 95 % interval.
    public var low: Double
    /// Upper end of the score's 95 % interval.
    public var high: Double
    /// Nil if the head was kept.
    public var removedInRound: Int?
    /// Whether the examples tell the score from zero; nil where the criterion's scores are above it in any case.
    public var isTold: Bool?

    public init(
        layer: Int, head: Int, score: Double, low: Double, high: Double, removedInRound: Int? = nil,
        isTold: Bool? = nil
    ) {
        self.layer = layer
        self.head = head
        self.score = score
        self.low = low
        self.high = high
        self.removedInRound = removedInRound
        self.isTold = isTold
    }
}

extension RunRecord {
    /// What the report could not draw or write.
    var problems: [InputError] {
        var problems: [InputError] = []
        for curve in learningCurves {
            let bad = curve.points.first { !$0.loss.isFinite || !$0.terms.values.allSatisfy(\.isFinite) }
            if let bad {
                problems.append(
                    InputError(
                        field: "learning curve of \(curve.stage)",
                        problem: "the loss of step \(bad.step) is not finite",
                        remedy: "the training diverged; lower the learning rate"))
            }
        }
        for curve in learningCurves
        where zip(curve.points, curve.points.dropFirst()).contains(where: { $0.step > $1.step }) {
            problems.append(
                InputError(field: "learning curve of \(curve.stage)", problem: "the steps do not ascend"))
        }
        for head in headScores {
            let name = "layer \(head.layer), head \(head.head)"
            if ![head.score, head.low, head.high].allSatisfy(\.isFinite) {
                problems.append(InputError(field: "head importance", problem: "the score of \(name) is not finite"))
            }
            // A grid is drawn from these: an absurd index must not become an absurd picture.
            if !(0..<1024).contains(head.layer) || !(0..<1024).contains(head.head) {
                problems.append(InputError(field: "head importance", problem: "\(name) lies outside 0..<1024"))
            }
        }
        return problems
    }
}
