import Compression
import Distillation
import Files
import Formats
import Foundation
import Models
import Recipes
import Tensors
import Tokenizers

/// `retort prune` with a model directory and texts.
struct PruneSession {
    private let options: PruneModelOptions
    private let url: URL
    private let rows: TextRows

    init(_ options: PruneModelOptions, model: String) throws {
        self.options = options
        guard FileManager.default.fileExists(atPath: model) else {
            throw InputError(file: model, problem: "there is no such model", remedy: "give a model directory or a run")
        }
        url = DecoderDirectory.place(
            of: LoadedModel.modelFolder(of: URL(fileURLWithPath: model, isDirectory: true), inFloat: true))
        if let output = options.output, !options.dryRun { try Self.requirePlace(output) }
        rows = try TextRows(
            reading: try DataAddress(options.data!), text: options.text, label: options.label, skipBadRows: false,
            limit: nil, wanted: options.label == nil ? "a text" : "a text and a label"
        ) { _ in nil }
    }

    func run() throws {
        Interruption.endAtOnce()
        if DecoderDirectory.isDecoder(url) {
            guard options.label == nil else {
                throw InputError(
                    field: "--label", problem: "a language model has no classes",
                    remedy: "leave it out: its labels are the texts' own next tokens")
            }
            try requireEncoder(options.vocabulary, "--vocabulary")
            try requireEncoder(options.search, "--search")
            try requireEncoder(options.sparse != nil, "--sparse")
            let (decoder, tokenizer) = try DecoderDirectory.readTeacher(url)
            let texts = sequences(tokenizer, longest: decoder.configuration.maximumPositions).filter { $0.count > 1 }
            guard !texts.isEmpty else {
                throw InputError(file: rows.file, problem: "no text has two tokens", remedy: "give longer texts")
            }
            try prune(decoder, calibration(texts, .nextTokens)) { decoder, url in
                try DecoderDirectory.write(decoder, to: url)
                try tokenizer.write(to: url)
            }
        } else {
            let tokenizer = try TokenizerFiles.load(from: url)
            let encoder = try ModelDirectory.readEncoder(url)
            try ModelDirectory.check(tokenizer, fits: encoder.configuration, in: url)
            try run(encoder, tokenizer)
        }
    }

    private func run(_ encoder: Models.Encoder, _ tokenizer: any Tokenizer) throws {
        let texts = sequences(tokenizer, longest: encoder.configuration.longestText)
        let calibration = calibration(texts, try target(encoder.configuration))
        if options.sparse != nil { return try makeSparse(encoder, tokenizer, calibration) }
        if options.search { return try search(encoder, tokenizer, calibration) }
        guard options.vocabulary else {
            return try prune(encoder, calibration) { try ModelDirectory.write($0, tokenizer, to: $1) }
        }
        let pruned = try VocabularyPruning(of: tokenizer, for: rows.texts) { problem in
            InputError(
                file: url.path, field: "--vocabulary", problem: problem, remedy: "leave --vocabulary out")
        }
        let kept = pruned.kept
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($0.element, Int32($0.offset)) })
        let renamed = self.calibration(texts.map { $0.map { places[$0]! } }, calibration.target)
        Message.line("vocabulary: \(kept.count) of \(encoder.configuration.vocabularySize) tokens stay")
        try prune(
            encoder.keeping(tokens: kept), renamed,
            before: MeasuredCost(of: encoder, on: texts, queries: options.queries)
        ) { try ModelDirectory.write($0, pruned.tokenizer, to: $1) }
    }

    private func prune<Model: PrunableDirectoryModel>(
        _ model: Model, _ calibration: CalibrationSequences, before: MeasuredCost? = nil,
        write: (Model, URL) throws -> Void
    ) throws {
        if options.compare { return try compare(model, calibration) }
        let pruning = try ModelPruning(of: model, options.request, on: calibration)
        let outcome = try pruning.outcome(comparedWith: before)
        let table = PruneTable(outcome, layers: pruning.layers, criterion: options.chosenCriterion)
        if options.json {
            try JSONLineWriter(isPretty: true).write(table)
        } else {
            table.print(showsHeads: options.dryRun)
        }
        guard !options.dryRun, let output = options.output else { return }
        try self.write(to: output) { aside in
            try write(outcome.model, aside)
            try HeadRecord.write(outcome.heads, to: aside.appendingPathComponent("prune/heads.csv"))
            guard !outcome.neurons.isEmpty else { return }
            try LayerNeurons.write(outcome.neurons, to: aside.appendingPathComponent("prune/neurons.csv"))
        }
    }

    private func compare(_ model: some PrunableDirectoryModel, _ calibration: CalibrationSequences) throws {
        let heads = model.scorableLayers.reduce(0) { $0 + $1.attentionUnits }
        var criteria = CriterionComparison.quickCriteria(calibration) + [.ablation]
        if model is Decoder { criteria.removeAll { $0 == .relevance } }
        let comparison = try CriterionComparison(
            of: model, by: criteria, on: calibration, normalize: .layer,
            removing: heads - Int(((options.keep ?? 0.6) * Double(heads)).rounded()), keepingAtLeast: options.minHeads,
            key: RandomKey(options.seed).mixed("compare"))
        let table = CriterionTable(comparison)
        if options.json { return try JSONLineWriter(isPretty: true).write(table) }
        table.print()
    }

    private func search(
        _ encoder: Models.Encoder, _ tokenizer: any Tokenizer, _ calibration: CalibrationSequences
    ) throws {
        let search = try LatencySearch(of: encoder, options.request, on: calibration)
        var front = try search.front()
        if let limit = options.milliseconds, options.distillSteps > 0 {
            let longest = encoder.configuration.longestText
            let others = tokenizer.encode(unchosen.map { rows.texts[$0] }, maxLength: length(tokenizer, longest))
            guard !others.isEmpty else {
                throw InputError(
                    file: rows.file,
                    problem: "all \(rows.count) rows are measured on, so none is left for the short distillation",
                    remedy: "lower --calibration, or give --distill-steps 0")
            }
            let distillation = ShortDistillation(
                teacher: encoder, texts: others, steps: options.distillSteps, seed: options.seed)
            front = try search.distilling(front, within: limit, by: distillation) {
                Message.line("distilling heads \($0.heads), feed-forward \($0.feedForward)")
            }
        }
        let table = FrontTable(front, limit: options.milliseconds)
        if options.json { try JSONLineWriter(isPretty: true).write(table) } else { table.print() }
        guard let output = options.output, !options.dryRun else { return }
        guard let chosen = table.chosen(of: front) else {
            throw InputError(
                field: "--milliseconds",
                problem: options.milliseconds.map { "no model of the front takes \($0) ms or less, measured here" }
                    ?? "nothing says which model of the front is wanted",
                remedy: "give --milliseconds with a time of the table")
        }
        try write(to: output) {
            try ModelDirectory.write(chosen.model, tokenizer, to: $0)
        }
    }

    private func makeSparse(
        _ encoder: Models.Encoder, _ tokenizer: any Tokenizer, _ calibration: CalibrationSequences
    ) throws {
        let whole = try ModelDirectory.readEncoder(url)
        let result = try SparseMasks.apply(
            to: encoder, PruneModelOptions.pattern(options.sparse!)!,
            by: SparseMasks.Score(rawValue: options.sparseScore)!,
            calibration: calibration)
        let table = SparseTable(
            result, divergence: try OutputDivergence.mean(of: encoder, from: whole, on: calibration))
        if options.json { try JSONLineWriter(isPretty: true).write(table) } else { table.print() }
        guard let output = options.output, !options.dryRun else { return }
        try write(to: output) {
            try ModelDirectory.write(encoder, tokenizer, to: $0)
        }
    }

    private func write(to output: String, _ fill: (URL) throws -> Void) throws {
        let place = URL(fileURLWithPath: output, isDirectory: true)
        try Interruption.wholly { try AtomicDirectory.replace(place, fill) }
        Message.line("written: \(output)")
    }

    /// Refuses a place that cannot be written before anything is scored, which takes long.
    private static func requirePlace(_ output: String) throws {
        let files = FileManager.default
        guard !files.fileExists(atPath: output) else {
            throw InputError(
                file: output, problem: "is there already", remedy: "name a directory that is not there yet")
        }
        var place = URL(fileURLWithPath: output).deletingLastPathComponent()
        while !files.fileExists(atPath: place.path) { place.deleteLastPathComponent() }
        var isDirectory: ObjCBool = false
        _ = files.fileExists(atPath: place.path, isDirectory: &isDirectory)
        guard isDirectory.boolValue, files.isWritableFile(atPath: place.path) else {
            throw InputError(
                file: output, problem: "\(place.path) is not a directory that may be written to",
                remedy: "name another place")
        }
    }

    private func requireEncoder(_ isAsked: Bool, _ option: String) throws {
        guard isAsked else { return }
        throw InputError(
            field: option, problem: "is for encoders, not for a language model",
            remedy: "leave it out for a language model")
    }

    /// Texts whose passes are shown.
    private func calibration(_ texts: [[Int32]], _ target: CalibrationSequences.Target) -> CalibrationSequences {
        let line = ProgressLine()
        return CalibrationSequences(texts, target: target) { done in
            line.advanced("measuring", done: done, total: texts.count, unit: "texts")
        }
    }

    /// The rows that scores are measured on.
    private var chosen: ArraySlice<Int> { shuffled.prefix(options.calibration) }
    private var unchosen: ArraySlice<Int> { shuffled.dropFirst(options.calibration) }
    private var shuffled: [Int] { RandomKey(options.seed).mixed("calibration").permutation(rows.count) }

    private func sequences(_ tokenizer: any Tokenizer, longest: Int) -> [[Int32]] {
        tokenizer.encode(chosen.map { rows.texts[$0] }, maxLength: length(tokenizer, longest))
    }

    private func length(_ tokenizer: any Tokenizer, _ longest: Int) -> Int {
        max(min(options.maxLength, longest), tokenizer.templateTokens(isPair: false))
    }

    /// The labels of the rows as class numbers, or the model's own outputs.
    private func target(_ configuration: EncoderConfiguration) throws -> CalibrationSequences.Target {
        guard options.label != nil else { return .ownOutputs }
        guard configuration.head == .classification else {
            throw InputError(
                field: "--label", problem: "the model has no classes that labels could be",
                remedy: "leave it out: scores are then taken against the model's own outputs")
        }
        let classes = configuration.labels
        let numbers = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($0.element, $0.offset) })
        return .labels(
            try chosen.map { row in
                guard let number = numbers[rows.labels[row]] else {
                    throw InputError(
                        file: rows.files[row], line: rows.lines[row], field: options.label,
                        problem: "\(rows.labels[row]) is no class of the model",
                        remedy: "the classes are \(classes.joined(separator: ", "))")
                }
                return number
            })
    }
}
