import Distillation
import Files
import Foundation
import Models
import Tokenizers

/// What a run would read and cost, found out without writing anything.
public struct RunPlan: Codable, Equatable, Sendable {
    public struct Split: Codable, Equatable, Sendable {
        public var name: String
        public var file: String
        public var rows: Int
        public var skippedRows: Int
        /// Rows of each class, by class name.
        public var classes: [String: Int]
    }

    public var schema = 1
    public var recipe: String
    public var splits: [Split]
    /// Rows of validation and test whose text is a training text too.
    public var overlap: [String: Int]
    /// Word pieces per training row: median, 95th percentile, longest; and the share that is cut at `data.max_length`.
    public var medianLength: Int
    public var length95: Int
    public var longest: Int
    public var truncatedShare: Double
    public var vocabulary: Int
    public var stages: [String]
    public var trainingSteps: [String: Int]
    public var teacherParameters: Int
    public var studentParameters: Int
    /// Rough bytes of the recorded targets.
    public var targetBytes: Int
    public var freeDiskBytes: Int

    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    public init(checking recipe: Recipe) throws {
        let material = try Material(recipe)
        self.recipe = recipe.name
        let all = [("train", material.train), ("validation", material.validation), ("test", material.test)]
        splits = all.map { name, rows in
            Split(
                name: name, file: rows.file, rows: rows.count, skippedRows: rows.skipped.count,
                classes: rows.labels.reduce(into: [:]) { $0[$1, default: 0] += 1 })
        }
        let known = Set(material.train.texts)
        overlap = all.dropFirst().reduce(into: [:]) { $0[$1.0] = $1.1.texts.count { known.contains($0) } }

        let tokenizer: WordPieceTokenizer
        let teacher: EncoderConfiguration
        if let model = recipe.teacher.model {
            let directory = URL(fileURLWithPath: model, isDirectory: true)
            tokenizer = try WordPieceTokenizer.load(from: directory)
            teacher = try ModelDirectory.readEncoder(directory).configuration
        } else {
            tokenizer = try WordPieceTrainer(
                vocabularySize: recipe.tokenizer.vocabulary, minimumFrequency: recipe.tokenizer.minimumFrequency,
                lowercase: recipe.tokenizer.lowercase
            ).train(material.train.texts)
            let shape = recipe.teacher.train!
            teacher = EncoderConfiguration(
                vocabularySize: tokenizer.vocabulary.count, hiddenSize: shape.hidden, layers: shape.layers,
                heads: shape.heads, feedForward: shape.feedForward, maximumPositions: recipe.data.maxLength,
                dropout: 0, pooling: .first, labels: material.classes)
        }
        let shape = recipe.student
        let student = EncoderConfiguration(
            vocabularySize: tokenizer.vocabulary.count, hiddenSize: shape.hidden, layers: shape.layers,
            heads: shape.heads, feedForward: shape.feedForward, maximumPositions: recipe.data.maxLength, dropout: 0,
            pooling: .first, labels: material.classes)
        let lengths = tokenizer.encode(material.train.texts, maxLength: 1 << 20).map(\.count).sorted()
        medianLength = lengths[lengths.count / 2]
        length95 = lengths[lengths.count * 95 / 100]
        longest = lengths[lengths.count - 1]
        truncatedShare = Double(lengths.count { $0 > recipe.data.maxLength }) / Double(lengths.count)
        vocabulary = tokenizer.vocabulary.count
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        teacherParameters = teacher.parameterCount
        studentParameters = student.parameterCount
        let rows = material.train.count
        let positions = lengths.reduce(0) { $0 + min($1, recipe.data.maxLength) }
        let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
        let layers = Set((recipe.loss.features?.pairs ?? []).map(\.teacher)).count
        targetBytes = positions * (teacher.hiddenSize * layers * width + 4) + rows * (material.classes.count * 4 + 24)
        trainingSteps = Self.steps(of: recipe, rows: rows)
        let place = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        let values = try FileManager.default.attributesOfFileSystem(forPath: place.path)
        freeDiskBytes = (values[.systemFreeSize] as? NSNumber)?.intValue ?? 0
        try checkRoom(recipe)
    }

    private static func steps(of recipe: Recipe, rows: Int) -> [String: Int] {
        var steps: [String: Int] = [:]
        if let shape = recipe.teacher.train {
            steps["teacher"] = TrainingOptions.steps(epochs: shape.epochs, examples: rows, batch: shape.batch)
        }
        let student = TrainingOptions.steps(epochs: recipe.train.epochs, examples: rows, batch: recipe.train.batch)
        steps["student"] = student
        if recipe.train.baseline { steps["labels_only"] = student }
        if let prune = recipe.prune { steps["prune"] = prune.heads.rounds * prune.heads.recoverSteps }
        if let quantize = recipe.quantize, quantize.method == .qat { steps["quantize"] = quantize.steps }
        return steps
    }

    /// Targets, checkpoints (weights and two moments, `keep` + 1 of them at a time) and five finished models.
    private func checkRoom(_ recipe: Recipe) throws {
        let largest = max(teacherParameters, studentParameters)
        let needed = targetBytes + 4 * largest * (3 * (recipe.run.keep + 1) + 5)
        guard freeDiskBytes > 0, needed > freeDiskBytes else { return }
        throw InputErrors([
            InputError(
                file: recipe.places.file, field: "run.directory",
                problem: "the run needs about \(needed / 1_000_000) MB, and \(freeDiskBytes / 1_000_000) MB are free",
                remedy: "free some space, choose another run.directory, or record fewer layers in loss.features.pairs")
        ])
    }
}
