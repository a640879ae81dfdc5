import ArgumentParser
import Distillation
import Files
import Foundation
import Tokenizers

struct TokenizerEncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode", abstract: "Encode texts from standard input, one JSON object per text.",
        discussion: """
            Reads one text per line; if the first line is a JSON object, JSONL with {"id", "text", "text_pair"}. Writes, in the \
            same order, {"id", "ids", "tokens", "offsets", "type_ids"}; a plain line's id is its number. Offsets count the \
            Unicode scalars of the text (what Python calls characters), of its own text in a pair; special tokens that the \
            template adds have none.

            EXAMPLE
              echo 'Hello world' | retort tokenizer encode MODEL
              retort tokenizer encode tokenizer.json --no-special < texts.txt
              echo 'a question' | retort tokenizer encode MODEL --pair 'its answer'
            """)

    @Argument(help: "A model directory, a tokenizer.json or a GGUF file.")
    var model: String

    @Flag(name: .customLong("no-special"), help: "Leave out the special tokens of the template.")
    var noSpecial = false

    @Option(help: "A second text that goes with every text.")
    var pair: String?

    @Option(help: "The most ids of a text, special ones included; the rest is dropped.")
    var maxLength: Int?

    @Flag(help: "Write only the ids, a JSON array per text.")
    var onlyIds = false

    func run() throws {
        let tokenizer = try DecoderDirectory.readTokenizer(URL(fileURLWithPath: model))
        let template =
            noSpecial ? 0 : max(tokenizer.templateTokens(isPair: false), tokenizer.templateTokens(isPair: true))
        if let maxLength, maxLength < template {
            throw InputError(
                field: "--max-length", problem: "\(maxLength) has no room for the \(template) tokens of the template",
                remedy: "give at least \(template + 1)")
        }
        try TextLines(batch: 1024).read(PredictionRequest.init) { requests in
            let encodings = tokenizer.encodings(
                of: requests.map { ($0.text, $0.textPair ?? pair) }, addingSpecialTokens: !noSpecial,
                maxLength: maxLength)
            let lines = try zip(requests, encodings).map { request, encoding in
                onlyIds
                    ? "[" + encoding.ids.map(String.init).joined(separator: ",") + "]"
                    : try encoding.jsonLine(id: request.id.text(), tokenizer)
            }
            if !lines.isEmpty { printData(lines.joined(separator: "\n")) }
        }
    }
}

extension PredictionRequest.ID {
    /// The id as JSON.
    fileprivate func text() throws -> String {
        switch self {
        case .integer(let number): String(number)
        case .string(let text): String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
        }
    }
}
