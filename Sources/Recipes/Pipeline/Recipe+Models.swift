import Compression
import Evaluation
import Files
import Models
import Tokenizers

extension Recipe {
    /// The shape of the teacher that the recipe trains.
    func teacherConfiguration(vocabulary: Int, classes: [String]) -> EncoderConfiguration {
        let shape = teacher.train!
        return EncoderConfiguration(
            vocabularySize: vocabulary, hiddenSize: shape.hidden, layers: shape.layers, heads: shape.heads,
            feedForward: shape.feedForward, maximumPositions: data.maxLength, dropout: Float(shape.dropout),
            pooling: .first, labels: classes)
    }

    /// The shape of the student: sizes that the recipe leaves out are the teacher's.
    ///
    /// - Parameter teacher: nil where there is none, and the recipe has all sizes. The student takes its family and what goes
    ///   with that, if it takes layers.
    func studentConfiguration(
        vocabulary: Int, classes: [String], teacher: EncoderConfiguration?
    ) -> EncoderConfiguration {
        var configuration = EncoderConfiguration(
            vocabularySize: vocabulary, hiddenSize: student.hidden ?? teacher!.hiddenSize, layers: student.layers,
            heads: student.heads ?? max(1, teacher!.heads.max()!),
            feedForward: student.feedForward ?? max(1, teacher!.feedForward.max()!),
            maximumPositions: data.maxLength, dropout: Float(student.dropout), pooling: .first, labels: classes)
        if let teacher, student.initialize == .teacherLayers {
            configuration.family = teacher.family
            configuration.activation = teacher.activation
            configuration.positionOffset = teacher.positionOffset
            configuration.tokenTypes = teacher.tokenTypes
            configuration.layerNormEpsilon = teacher.layerNormEpsilon
        }
        return configuration
    }

    /// What of the recipe cannot work with this very teacher and student. Found before training, not after it.
    func problems(teacher: EncoderConfiguration?, student: EncoderConfiguration) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String?) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        func attempt(_ key: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch let error as InputError {
                refuse(key, error.problem, error.remedy)
            } catch {
                refuse(key, "\(error)", nil)
            }
        }
        if !student.hiddenSize.isMultiple(of: student.heads[0]) {
            refuse(
                "student.heads", "\(student.heads[0]) heads do not divide the hidden width \(student.hiddenSize)",
                "give both student.hidden and student.heads")
        }
        if let teacher {
            problems += lossProblems(teacher: teacher, student: student)
            problems += copyingProblems(teacher: teacher, student: student)
        }
        let recovery = (loss.crossEntropyEnd ?? loss.crossEntropy) + (loss.kl.weightEnd ?? loss.kl.weight)
        if prune != nil, recovery == 0, loss.relations != nil || loss.attention != nil {
            refuse(
                "prune", "a pruned model recovers by the labels or by kl, and the weights of both are 0 in the end",
                "give loss.cross_entropy or loss.kl.weight a value above 0")
        }
        if let options = pruningOptions {
            attempt("prune") { _ = try StructuredPruner(options, configuration: student) }
        }
        for gate in evaluate.gates {
            attempt("evaluate.gates.\(gate.metric)") {
                let models = Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key)
                _ = try Evaluation.Gate(metric: gate.metric, expression: gate.condition, models: models)
            }
        }
        return problems
    }

    /// Why layers of this teacher cannot become the student's, or its targets not be made of these rows.
    private func copyingProblems(teacher: EncoderConfiguration, student: EncoderConfiguration) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        if self.student.initialize == .teacherLayers, !student.canCopyLayers(of: teacher) {
            refuse(
                "student.initialize",
                "the student's sizes (hidden \(student.hiddenSize), \(student.heads[0]) heads, feed-forward "
                    + "\(student.feedForward[0])) are not the teacher's (hidden \(teacher.hiddenSize), heads "
                    + "\(teacher.heads), feed-forward \(teacher.feedForward))",
                "give the student the teacher's sizes and at most its layers, or set student.initialize=random")
        }
        if data.maxLength > teacher.maximumPositions {
            refuse(
                "data.max_length", "\(data.maxLength) is more than the teacher's \(teacher.maximumPositions) positions",
                "set data.max_length=\(teacher.maximumPositions) or less")
        }
        return problems
    }

    /// Whether there is a teacher's model, beside what was recorded.
    var hasTeacher: Bool { teacher.model != nil || teacher.train != nil }

    /// The tokenizer that the recipe names, the teacher's, or one that is trained on the texts.
    func makeTokenizer(_ texts: [String]) throws -> any Tokenizers.Tokenizer {
        if let directory = teacher.model ?? tokenizer.directory {
            return try TokenizerFiles.load(from: Recipe.place(directory))
        }
        return try WordPieceTrainer(
            vocabularySize: tokenizer.vocabulary, minimumFrequency: tokenizer.minimumFrequency,
            lowercase: tokenizer.lowercase
        ).train(texts)
    }

    /// How the recipe prunes.
    var pruningOptions: PruningOptions? {
        prune.map { prune in
            PruningOptions(
                criterion: prune.heads.criterion == .sensitivity ? .sensitivity : .magnitude,
                normalize: prune.heads.normalize == .layer ? .layer : .none, keepHeads: prune.heads.keep,
                keepNeurons: prune.feedForward?.keep ?? 1, rounds: prune.heads.rounds,
                minimumHeads: prune.heads.minHeads)
        }
    }
}
