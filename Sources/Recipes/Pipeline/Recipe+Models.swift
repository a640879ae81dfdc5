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
    /// - Parameter base: the model whose layers the student begins with, which gives the family and what goes with that; else
    ///   the teacher; nil where there is neither, and the recipe has all sizes.
    func studentConfiguration(
        vocabulary: Int, classes: [String], base: EncoderConfiguration?
    ) -> EncoderConfiguration {
        var configuration = EncoderConfiguration(
            vocabularySize: vocabulary, hiddenSize: student.hidden ?? base!.hiddenSize, layers: student.layers,
            heads: student.heads ?? max(1, base!.heads.max()!),
            feedForward: student.feedForward ?? max(1, base!.feedForward.max()!),
            maximumPositions: data.maxLength, dropout: Float(student.dropout), pooling: .first, labels: classes)
        if let base, student.initialize != .random {
            configuration.family = base.family
            configuration.activation = base.activation
            configuration.positionOffset = base.positionOffset
            configuration.tokenTypes = base.tokenTypes
            configuration.layerNormEpsilon = base.layerNormEpsilon
        }
        return configuration
    }

    /// What of the recipe cannot work with this very teacher and student. Found before training, not after it.
    ///
    /// - Parameters:
    ///   - teacher: nil where there is none beside what was recorded.
    ///   - source: the model whose layers the student begins with, if any.
    func problems(
        teacher: EncoderConfiguration?, student: EncoderConfiguration, source: EncoderConfiguration?
    ) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String?) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        func attempt(_ key: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch let error as InputError {
                refuse(key, error.problem, error.remedy)
            } catch let several as InputErrors {
                for error in several.errors {
                    refuse(key, (error.field.map { "'\($0)': " } ?? "") + error.problem, error.remedy)
                }
            } catch {
                refuse(key, "\(error)", nil)
            }
        }
        if !student.hiddenSize.isMultiple(of: student.heads[0]) {
            refuse(
                "student.heads", "\(student.heads[0]) heads do not divide the hidden width \(student.hiddenSize)",
                "give both student.hidden and student.heads")
        }
        if let teacher { problems += lossProblems(teacher: teacher, student: student) }
        if let source, !student.canCopyLayers(of: source, chosen: self.student.teacherLayers) {
            refuse(
                "student.initialize",
                "the student (\(Self.sizes(of: student))) cannot begin with layers of a model with \(Self.sizes(of: source))",
                "give the student at most these sizes and heads of the same width, or set student.initialize=random")
        }
        if let teacher, data.maxLength > teacher.maximumPositions {
            refuse(
                "data.max_length", "\(data.maxLength) is more than the teacher's \(teacher.maximumPositions) positions",
                "set data.max_length=\(teacher.maximumPositions) or less")
        }
        let last = recoveryLoss
        let outputs = (last.crossEntropyEnd ?? last.crossEntropy) + (last.kl.weightEnd ?? last.kl.weight)
        // What is matched inside of the models names heads, and layers, that a pruned one does not have.
        let trainsShorter =
            prune.map { $0.layers != nil && $0.heads.recoverSteps + $0.heads.allRecoverSteps > 0 } ?? false
            || prune?.layers != nil && quantize?.method.trains ?? false
        if prune != nil, outputs == 0, last.relations != nil || last.attention != nil || trainsShorter {
            let path = train.stages.last?.loss == nil ? "loss" : "train.stages[\(train.stages.count - 1)].loss"
            refuse(
                "prune", "a pruned model recovers by the labels or by kl, and the weights of both are 0 in the end",
                "give \(path).cross_entropy or \(path).kl.weight a value above 0")
        }
        let left = prune?.layers.map { min($0.keep, student.layers) } ?? student.layers
        if let options = pruningOptions {
            attempt("prune") {
                _ = try StructuredPruner(
                    options, headsPerLayer: Array(student.heads.prefix(left)),
                    neuronsPerLayer: Array(student.feedForward.prefix(left)))
            }
        }
        if let quantize {
            attempt("quantize.keep_float") {
                var rest = student
                rest.heads = Array(student.heads.prefix(left))
                _ = try QuantizationGroup.named(quantize.keepFloat, of: rest)
            }
        }
        for gate in evaluate.gates {
            attempt("evaluate.gates.\(gate.metric)") {
                let models = Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key)
                _ = try Evaluation.Gate(
                    metric: gate.metric, expression: gate.condition, models: models, subject: models.last)
            }
        }
        return problems
    }

    private static func sizes(of configuration: EncoderConfiguration) -> String {
        func few(_ counts: [Int]) -> String { Set(counts).count == 1 ? "\(counts[0])" : "\(counts)" }
        return
            "\(configuration.layers) layers, hidden \(configuration.hiddenSize), \(few(configuration.heads)) heads of "
            + "\(configuration.headSize), feed-forward \(few(configuration.feedForward)), vocabulary "
            + "\(configuration.vocabularySize), \(configuration.maximumPositions) positions"
    }

    /// Whether there is a teacher's model, beside what was recorded.
    var hasTeacher: Bool { teacher.model != nil || teacher.train != nil }

    /// The tokenizer that the recipe names, the teacher's, or one that is trained on the texts.
    func makeTokenizer(_ texts: [String]) throws -> any Tokenizers.Tokenizer {
        if let directory = teacher.model ?? tokenizer.directory {
            let loaded = try TokenizerFiles.load(from: Recipe.place(directory))
            try loaded.requireRoom(in: data.maxLength, field: "data.max_length")
            return loaded
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
                criterion: ImportanceCriterion(rawValue: prune.heads.criterion.rawValue)!,
                normalize: prune.heads.normalize == .layer ? .layer : .none, keepHeads: prune.heads.keep,
                keepNeurons: prune.feedForward?.keep ?? 1, rounds: prune.heads.rounds,
                minimumHeads: prune.heads.minHeads, minimumNeurons: prune.feedForward?.minNeurons ?? 1)
        }
    }
}
