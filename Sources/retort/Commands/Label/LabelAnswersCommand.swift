import ArgumentParser
import Distillation
import Files
import Formats
import Foundation
import Recipes
import Tokenizers

struct LabelAnswersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answers",
        abstract: "Make targets of what a served teacher answered: OpenAI-compatible responses with log-probabilities.",
        discussion: """
            Reads JSONL: chat completions, legacy completions and results of the Batch API, also mixed; of several choices the first. \
            A response belongs to the row that its custom_id names: a value of the data's id column (--id), or row-N, counted from 1, \
            where the data has none. Where no response has a custom_id, the n-th belongs to the n-th row. Of several usable \
            responses to a row the last counts.

            The first token of an answer is mapped to classes: a token counts for a class if it is one of its spellings or the \
            beginning of one, with case and leading blanks as they are given. A token that fits several classes counts for none, and \
            refuses its row if it has more than 1 % of the probability. What no class gets is reported, and kept per row in the \
            dataset `unmapped`; what the classes get is scaled to sum to 1.

            With --tokens the student is a language model: a row is the text, which must be the prompt as the student shall see it (no \
            chat template is applied), and the answer behind it, cut by the student's tokenizer. Where a token of the answer and one of \
            the student begin at the same byte, the candidates that are byte for byte one of the student's tokens are recorded at the \
            position before; the rest of the probability is a uniform tail. Other positions have no target.

            Classes are in the order of recipes: numeric where all are whole numbers, else sorted as text.

            EXAMPLE
              retort label answers batch-output.jsonl --data train.csv --text review --tokenizer MODEL --max-length 128 \\
                  --class 'negative=Negative,negative' --class 'positive=Positive,positive," positive"' --output targets.h5
              retort label answers a.jsonl b.jsonl --data train.csv --tokenizer MODEL --classes classes.yaml --on-bad-row skip \\
                  --output targets.h5
              retort label answers answers.jsonl --data prompts.jsonl --text prompt --tokenizer STUDENT --tokens --output targets.h5
            """)

    enum BadRow: String, ExpressibleByArgument, CaseIterable {
        case error, skip
    }

    @Argument(help: ArgumentHelp("Files of responses, one JSON object per line.", valueName: "answers.jsonl"))
    var answers: [String]

    @Option(
        help: ArgumentHelp(
            "The rows that were asked about: a csv, tsv, jsonl or txt file; may be repeated.", valueName: "file"))
    var data: [String]

    @Option(help: "The column that holds the text.")
    var text = "text"

    @Option(help: "The column that names the rows, by default id, if there is one.")
    var id: String?

    @Option(help: ArgumentHelp("The directory of the student's tokenizer, or its GGUF file.", valueName: "dir"))
    var tokenizer: String

    @Option(help: "Longest input in tokens: data.max_length of the recipe.")
    var maxLength = 512

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("A class and its spellings; once per class.", valueName: "name=spelling,…"))
    var classOptions: [ClassOption] = []

    @Option(help: ArgumentHelp("A YAML file of classes, as positive: [Positive, positive].", valueName: "file"))
    var classes: String?

    @Flag(help: "Map answers to the student's tokens, for a language model, instead of to classes.")
    var tokens = false

    @Option(help: "With --tokens: the outcomes that are kept at a position.")
    var keep = 20

    @Option(
        help: "With --tokens: what the student predicts over, by default the tokenizer's ids; some models have more.")
    var outcomes: Int?

    @Option(help: "The least probability that the classes must get of a first token, 0 to 1.")
    var minMapped = 0.5

    @Option(help: "What a row without a usable answer does: error or skip.")
    var onBadRow = BadRow.error

    @Option(help: ArgumentHelp("The file to write.", valueName: "targets.h5"))
    var output: String

    @Flag(help: "Replace the output if it is there.")
    var force = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if data.isEmpty { throw ValidationError("--data FILE is missing") }
        let ways = [!classOptions.isEmpty, classes != nil, tokens].count { $0 }
        guard ways == 1 else {
            throw ValidationError("give the classes by --class, once per class, or by --classes FILE; or give --tokens")
        }
        if keep < 1 || keep > 10_000 { throw ValidationError("--keep must lie in 1 to 10000") }
        if !tokens, outcomes != nil { throw ValidationError("--outcomes goes with --tokens") }
        if maxLength < 4 { throw ValidationError("--max-length must be at least 4") }
        if !(0...1).contains(minMapped) { throw ValidationError("--min-mapped must lie in 0 to 1") }
    }

    func run() throws {
        Interruption.listen()
        try AnswerLabelling(options: self).run()
    }
}
