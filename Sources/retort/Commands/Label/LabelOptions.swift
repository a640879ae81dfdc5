public import ArgumentParser
public import Distillation

/// What is recorded of a model's answers, and of which texts.
struct LabelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Texts: csv, tsv, jsonl or txt, also compressed, a pattern of files, or ARCHIVE:ENTRIES; may be repeated.",
            valueName: "file"))
    var data: [String] = []

    @Option(help: "The column that holds the text.")
    var text = "text"

    @Option(help: "The directory to write to.")
    var output: String?

    @Option(
        help:
            "Longest input in tokens, by default what the model takes, at most 512; language models read longer texts in windows."
    )
    var maxLength: Int?

    @Option(help: "Outcomes that are kept of each prediction; by default all, of a vocabulary 64. 0: no predictions.")
    var keep: Int?

    @Option(help: "A temperature that kept outcomes shall be exact at, besides 1; may be repeated.")
    var temperature: [Double] = []

    @Option(help: "A layer whose hidden states are recorded, 0 being the embedding; may be repeated.")
    var hidden: [Int] = []

    @Option(
        help: "A layer whose queries, keys and values are recorded, for relations and attention maps; may be repeated.")
    var attention: [Int] = []

    @Flag(help: "Record one vector per text; sentence embedders do so by themselves.")
    var pooled = false

    @Option(help: "Of states: float32, float16 or bfloat16.")
    var dtype = TargetElement.float16

    @Option(help: "Of log-probabilities: float32, float16 or bfloat16.")
    var probabilities = TargetElement.float32

    @Option(help: "Compress the states too, 1 (fast) to 9 (small): they shrink little and are then slower to read.")
    var compress = 0

    @Option(help: ArgumentHelp("This machine's share of the parts, from 1: the n-th of so many.", valueName: "n/count"))
    var shard: String?

    @Flag(help: "Print what each number of kept outcomes would leave out, measured on a sample, and write nothing.")
    var chooseK = false

    @Option(help: "Rows that --choose-k measures.")
    var sample = 128

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Whether anything but the default was given.
    var isUsed: Bool {
        output != nil || keep != nil || maxLength != nil || shard != nil || chooseK || pooled || json || compress != 0
            || !(temperature.isEmpty && hidden.isEmpty && attention.isEmpty)
    }

    func validate() throws {
        guard !data.isEmpty else { return }
        if output == nil, !chooseK { throw ValidationError("--output DIRECTORY is missing") }
        if let maxLength, maxLength < 3 { throw ValidationError("--max-length must be at least 3") }
        if let keep, keep < 0 { throw ValidationError("--keep must be 0 or more") }
        if !temperature.allSatisfy({ $0 > 0 && $0 <= 100 }) {
            throw ValidationError("--temperature must lie above 0, at most 100")
        }
        if !(0...9).contains(compress) { throw ValidationError("--compress must lie in 0 to 9") }
        if sample < 1 { throw ValidationError("--sample must be at least 1") }
        _ = try parsedShard()
    }

    func parsedShard() throws -> TargetShard {
        guard let shard else { return .whole }
        let numbers = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let index = numbers[0], let count = numbers[1], count > 0, (1...count).contains(index)
        else { throw ValidationError("--shard must be n/count with n from 1 to count, such as 2/4") }
        return TargetShard(index: index - 1, of: count)
    }
}

extension TargetElement: ExpressibleByArgument {}
