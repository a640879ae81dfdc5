import ArgumentParser
import Compression
import Files
import Foundation
import Recipes

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove attention heads, neurons, layers and unused tokens by their importance.",
        discussion: """
            Of a recipe or a run: the stage of the recipe's `prune` section, with training between its rounds; the result is
            in models/pruned of the run. With --data: a model directory, or the furthest float model of a run, is pruned as it
            is, without training. --keep, --parameters or --milliseconds say how far; milliseconds are measured on this machine.

            EXAMPLE
              retort prune recipes/quickstart.yaml
              retort prune runs/NAME --data datasets/wordnet26/train.csv --label label --keep 0.6 --dry-run
              retort prune MODEL --data texts.csv --milliseconds 2.5 --output smaller
              retort prune MODEL --data texts.csv --label label --compare
            """)

    @Argument(help: "A recipe, a run, or a model directory.")
    var target: String

    @Argument(help: ArgumentHelp("Changes to the recipe, such as prune.heads.keep=0.5.", valueName: "key=value"))
    var overrides: [String] = []

    @OptionGroup var explanation: ExplainOption
    @OptionGroup var options: PruneModelOptions

    func validate() throws {
        if options.data == nil, options.isAsked {
            throw ValidationError("pruning a model directory needs --data: texts that the model is to be measured on")
        }
        if options.data != nil, !overrides.isEmpty || explanation.explain {
            throw ValidationError("with --data there is no recipe to change or to explain")
        }
        try options.check()
    }

    func run() throws {
        guard options.data != nil else {
            try requireRecipeOrRun()
            return try StageOptions.execute(target, overrides, through: .prune, explaining: explanation.explain)
        }
        try PruneSession(options, model: target).run()
    }

    /// A model directory alone says nothing of what to measure it on.
    private func requireRecipeOrRun() throws {
        let url = URL(fileURLWithPath: target)
        let isModel = FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
        guard isModel else { return }
        throw InputError(
            file: target, problem: "is a model directory, which is pruned by its importance on some texts",
            remedy: "give them with --data FILE, and --label COLUMN where they have labels")
    }
}

/// What is said of a model directory.
struct PruneModelOptions: ParsableArguments {
    @Option(help: "The texts: csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var data: String?

    @Option(help: "Column of the text.")
    var text = "text"

    @Option(help: "Column of the label. Without it scores are taken against the model's own outputs.")
    var label: String?

    @Option(
        help: "How importance is measured: \(ImportanceCriterion.allCases.map(\.rawValue).joined(separator: ", ")).")
    var criterion: String?

    @Option(help: "Share of the heads that stays.")
    var keep: Double?

    @Option(help: "Share of the feed-forward neurons that stays.")
    var keepNeurons: Double?

    @Option(help: "Whole layers that stay.")
    var keepLayers: Int?

    @Option(help: "Weights that the model has at most; heads and neurons go alike.")
    var parameters: Int?

    @Option(help: "Milliseconds that one text takes at most, in the median, measured here.")
    var milliseconds: Double?

    @Option(help: "Heads that stay in every layer; 0 may remove a layer's attention.")
    var minHeads = 1

    @Option(help: "Neurons that stay in every layer; 0 may remove a layer's feed-forward block.")
    var minNeurons = 1

    @Flag(help: "Leave out the tokens that the data never use.")
    var vocabulary = false

    @Option(help: "Texts that scores are measured on.")
    var calibration = 512

    @Option(help: "Tokens that texts are cut to, at most what the model reads.")
    var maxLength = 256

    @Option(help: "Texts that are timed.")
    var queries = 100

    @Option(help: "Draws the calibration texts and the resamples.")
    var seed: UInt64 = 1

    @Option(help: "Where to write the pruned model.")
    var output: String?

    @Flag(help: "Show the scores and what would come of it; change nothing.")
    var dryRun = false

    @Flag(help: "Show how every criterion agrees with masking heads one at a time, how stable it is, and its cost.")
    var compare = false

    @Flag(help: "Find the sizes of all layers for the time that they take here, and show the best of each time.")
    var search = false

    @Option(help: "Steps in which the search's best models for --milliseconds learn from the whole one; 0: none.")
    var distillSteps = 60

    @Option(help: "Set single weights to zero instead: a share such as 0.5, or 2:4. The model becomes no faster.")
    var sparse: String?

    @Option(help: "Scores of single weights: \(SparseMasks.Score.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sparseScore = "magnitude"

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Whether anything asks for a model directory to be pruned.
    var isAsked: Bool {
        keep != nil || keepNeurons != nil || keepLayers != nil || parameters != nil || milliseconds != nil || vocabulary
            || output != nil || dryRun || compare || search || sparse != nil || label != nil || criterion != nil
    }

    func check() throws {
        guard data != nil else { return }
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        for (name, share) in [("--keep", keep), ("--keep-neurons", keepNeurons)] {
            if let share, !(share > 0 && share <= 1) { throw ValidationError("\(name) must be above 0 and up to 1") }
        }
        for (name, number) in [("--calibration", calibration), ("--queries", queries)]
        where !(1...1_000_000).contains(number) {
            throw ValidationError("\(name) must be 1 to 1000000")
        }
        if minHeads < 0 || minNeurons < 0 { throw ValidationError("--min-heads and --min-neurons must be at least 0") }
        if maxLength < 2 { throw ValidationError("--max-length must be at least 2") }
        if let milliseconds, !(milliseconds > 0) { throw ValidationError("--milliseconds must be above 0") }
        if let parameters, parameters < 1 { throw ValidationError("--parameters must be at least 1") }
        if distillSteps < 0 { throw ValidationError("--distill-steps must be 0 or more") }
        let budgets = [keep != nil || keepNeurons != nil, parameters != nil, milliseconds != nil].count { $0 }
        if budgets > 1 { throw ValidationError("give one of --keep and --keep-neurons, --parameters, --milliseconds") }
        if let criterion, ImportanceCriterion(rawValue: criterion) == nil {
            throw ValidationError("there is no criterion \(criterion): see --help")
        }
        if SparseMasks.Score(rawValue: sparseScore) == nil {
            throw ValidationError("there is no score \(sparseScore): see --help")
        }
        if let sparse, Self.pattern(sparse) == nil {
            throw ValidationError("--sparse must be a share above 0 and below 1, or 2:4")
        }
        if sparse != nil, budgets > 0 || vocabulary || search || keepLayers != nil {
            throw ValidationError("--sparse goes alone: prune the model's parts first, then its single weights")
        }
        if search, parameters != nil || keep != nil || keepNeurons != nil || keepLayers != nil {
            throw ValidationError("--search is for a time: give --milliseconds, or nothing to see the front alone")
        }
        if search, vocabulary { throw ValidationError("--search keeps all tokens: use --vocabulary on what it finds") }
        if compare, output != nil || search || sparse != nil {
            throw ValidationError("--compare only shows: leave --output, --search and --sparse out")
        }
        if sparse == nil, sparseScore != "magnitude" { throw ValidationError("--sparse-score is for --sparse") }
        let changes = budgets > 0 || vocabulary || keepLayers != nil || sparse != nil
        if !dryRun, !compare, !search, output == nil { throw ValidationError("give --output DIRECTORY, or --dry-run") }
        if !changes, !compare, !search {
            throw ValidationError("give --keep, another budget, --vocabulary or --sparse")
        }
    }

    static func pattern(_ text: String) -> SparseMasks.Pattern? {
        if text == "2:4" { return .twoOfFour }
        return Double(text).flatMap { $0 > 0 && $0 < 1 ? .free($0) : nil }
    }

    var request: PruningRequest {
        let target: PruningTarget =
            if let parameters {
                .parameters(parameters)
            } else if let milliseconds {
                .milliseconds(milliseconds)
            } else {
                .shares(heads: keep ?? 1, neurons: keepNeurons ?? 1)
            }
        return PruningRequest(
            target: target, criterion: chosenCriterion, minimumHeads: minHeads, minimumNeurons: minNeurons,
            layers: keepLayers, queries: queries, seed: seed)
    }

    /// Of a search, losses must add up: Fisher's are the second-order change of the divergence.
    var chosenCriterion: ImportanceCriterion {
        criterion.flatMap(ImportanceCriterion.init) ?? (search ? .fisher : .sensitivity)
    }
}
