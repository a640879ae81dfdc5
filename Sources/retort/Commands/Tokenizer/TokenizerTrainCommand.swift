import ArgumentParser
import Distillation
import Files
import Formats
import Foundation
import Tokenizers

struct TokenizerTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Learn a vocabulary from texts.",
        discussion: """
            Reads txt (a text a line), csv, tsv and jsonl files of any size, also compressed or in tar and zip archives, counts \
            their words on all cores, and writes tokenizer.json with the files that go with it, which the tokenizers and \
            transformers packages read.

            EXAMPLE
              retort tokenizer train --vocabulary 8192 train.csv -o vocabulary
              retort tokenizer train --kind byte-level corpus/*.txt -o vocabulary
              retort tokenizer train 'corpus.tar.zst:train/*.jsonl' -o vocabulary
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable, Codable {
        case wordpiece
        case byteLevel = "byte-level"
    }

    @Option(help: "wordpiece (BERT's) or byte-level (GPT-2's BPE).")
    var kind = Kind.wordpiece

    @Option(help: "How many tokens to learn, special ones included.")
    var vocabulary = 8192

    @Flag(exclusivity: .exclusive, help: "wordpiece: lower texts and drop their accents (the default), or keep them.")
    var casing: Casing?

    enum Casing: EnumerableFlag {
        case lowercase, cased
    }

    @Option(help: "How often a pair of pieces must occur to be joined.")
    var minFrequency = 2

    @Option(help: "The column of csv and tsv files, or the key of jsonl files, that holds the texts.")
    var column = "text"

    @Option(
        name: .customLong("special"),
        help: ArgumentHelp(
            "byte-level: a token that is never cut; may be repeated. <|endoftext|> if none is given.",
            valueName: "token"))
    var special: [String] = []

    @Argument(help: "Files of texts, patterns of files, or ARCHIVE:ENTRIES.")
    var files: [String]

    @Option(name: .shortAndLong, help: "The directory to write to.")
    var output: String

    @Flag(help: "Replace the tokenizer that is in the directory.")
    var force = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if !(1...10_000_000).contains(vocabulary) { throw ValidationError("--vocabulary must lie in 1 to 10000000") }
        if minFrequency < 1 { throw ValidationError("--min-frequency must be at least 1") }
        if kind == .byteLevel, casing != nil {
            throw ValidationError(
                "--lowercase and --cased belong to --kind wordpiece; byte-level pieces keep their case")
        }
        if kind == .wordpiece, !special.isEmpty {
            throw ValidationError("--special belongs to --kind byte-level; WordPiece has BERT's special tokens")
        }
    }

    func run() throws {
        Interruption.listen()
        let folder = TokenizerFolder(URL(fileURLWithPath: output, isDirectory: true), mayReplace: force)
        try folder.check()
        do {
            try train(into: folder)
        } catch let interrupted as Interrupted {
            Message.line("\ninterrupted: nothing was written")
            throw interrupted
        }
    }

    private func train(into folder: TokenizerFolder) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let progress = ProgressLine()
        let summary: Summary
        switch kind {
        case .wordpiece:
            let trainer = WordPieceTrainer(
                vocabularySize: vocabulary, minimumFrequency: minFrequency, lowercase: casing != .cased)
            let words = try count(trainer.wordCounts(), progress)
            let tokenizer = try trainer.train(words, progress: learning(progress))
            try folder.write { try tokenizer.write(to: $0) }
            summary = Summary(words, tokens: tokenizer.vocabulary, of: self)
        case .byteLevel:
            let trainer = ByteLevelTrainer(
                vocabularySize: vocabulary, minimumFrequency: minFrequency,
                special: special.isEmpty ? ByteLevelTrainer.usualSpecial : special)
            let words = try count(trainer.wordCounts(), progress)
            let trained = try trainer.train(words, progress: learning(progress))
            try folder.write { try trained.write(to: $0) }
            summary = Summary(words, tokens: trained.tokens, of: self)
        }
        progress.finished("learned \(summary.vocabulary) tokens", seconds: start.duration(to: clock.now).seconds)
        try summary.print(asJSON: json)
    }

    /// Counts the words of all files.
    private func count(_ empty: WordCounts, _ progress: ProgressLine) throws -> WordCounts {
        var words = empty
        let addresses = try files.map { try DataAddress($0) }
        let sizes = addresses.map(\.bytes)
        let clock = ContinuousClock()
        let start = clock.now
        var before = 0
        for (address, size) in zip(addresses, sizes) {
            try TextRecords.forEachBatch(of: address, column: column) { batch in
                try Interruption.check()
                words.add(batch.texts)
                progress.measured(
                    "reading", done: Double(before + batch.bytesRead) / 1e6,
                    total: Double(sizes.reduce(0, +)) / 1e6, unit: "MB",
                    seconds: start.duration(to: clock.now).seconds)
            }
            before += size
        }
        try Interruption.check()
        return words
    }

    private func learning(_ progress: ProgressLine) -> (Int, Int) throws -> Void {
        let clock = ContinuousClock()
        let start = clock.now
        return { pieces, wanted in
            try Interruption.check()
            progress.measured(
                "joining", done: Double(pieces), total: Double(wanted), unit: "pieces",
                seconds: start.duration(to: clock.now).seconds)
        }
    }

    /// What was learned from what.
    private struct Summary: Encodable {
        var schema = 1
        var kind: Kind
        var directory: String
        var vocabulary: Int
        var texts: Int
        var words: Int
        var distinctWords: Int
        var forgottenWords: Int

        init(_ words: WordCounts, tokens: [String], of command: TokenizerTrainCommand) {
            kind = command.kind
            directory = command.output
            vocabulary = tokens.count
            texts = words.texts
            self.words = words.total
            distinctWords = words.distinct
            forgottenWords = words.forgotten
        }

        func print(asJSON: Bool) throws {
            if forgottenWords > 0 {
                Message.line("\(forgottenWords) occurrences of rare words were forgotten to keep memory bounded")
            }
            if asJSON { return try JSONLineWriter(isPretty: true).write(self) }
            printData("tokenizer:  \(directory)")
            printData(
                "vocabulary: \(vocabulary) tokens, from \(texts) texts with \(words) words, \(distinctWords) different")
            Message.line("next: echo 'a text' | retort tokenizer encode \(directory)")
        }
    }
}
