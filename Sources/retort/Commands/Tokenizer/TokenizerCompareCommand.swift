import ArgumentParser
import Distillation
import Files
import Formats
import Foundation
import Tokenizers

struct TokenizerCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Say whether two tokenizers give every text the same ids, and where not.",
        discussion: """
            Compares vocabularies id by id, special tokens, settings, and the ids of texts: a sample of many scripts, or \
            those of a file. Exits 1 when the tokenizers differ.

            EXAMPLE
              retort tokenizer compare teacher/ student/
              retort tokenizer compare teacher/ student/ --texts train.csv --column text
            """)

    @Argument(help: "A model directory, a tokenizer.json or a GGUF file.")
    var first: String

    @Argument(help: "Another one.")
    var second: String

    @Option(
        help: "Texts to compare by: txt, csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var texts: String?

    @Option(help: "The column or key that holds the texts.")
    var column = "text"

    @Option(help: "The most differences of each kind to show.")
    var limit = 5

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Answer: Encodable {
        var schema = 1
        var equal: Bool
        var difference: TokenizerDifference?
    }

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1") }
    }

    func run() throws {
        let tokenizers = try [first, second].map { try DecoderDirectory.readTokenizer(URL(fileURLWithPath: $0)) }
        let sample = try texts.map {
            try TextRecords.read($0, columns: [column]).records.map { $0.fields[0] }
        }
        let difference = tokenizers[0].difference(
            from: tokenizers[1], limit: limit, sample: sample ?? TokenizerSample.texts)
        if json {
            try JSONLineWriter(isPretty: true).write(Answer(equal: difference == nil, difference: difference))
        } else if let difference {
            for line in difference.lines { printData(line) }
        } else {
            printData("equal: every text gets the same ids")
        }
        if difference != nil { throw ExitCode(1) }
    }
}
