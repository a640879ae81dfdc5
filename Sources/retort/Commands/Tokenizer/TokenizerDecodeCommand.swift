import ArgumentParser
import Distillation
import Files
import Foundation
import Tokenizers

struct TokenizerDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode", abstract: "Turn ids from standard input back into texts, one JSON object per line.",
        discussion: """
            Reads a JSON array of ids per line, or objects with "ids" and perhaps "id", such as encode writes. Writes \
            {"id", "text"} in the same order.

            EXAMPLE
              echo '[101, 7592, 2088, 102]' | retort tokenizer decode MODEL
              echo 'Hello world' | retort tokenizer encode MODEL | retort tokenizer decode MODEL
            """)

    @Argument(help: "A model directory, a tokenizer.json or a GGUF file.")
    var model: String

    @Flag(help: "Keep special tokens in the text.")
    var keepSpecial = false

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var text: String
    }

    private struct Request: Decodable {
        var id: PredictionRequest.ID?
        var ids: [Int32]
    }

    func run() throws {
        let tokenizer = try DecoderDirectory.readTokenizer(URL(fileURLWithPath: model))
        let writer = JSONLineWriter()
        try TextLines(batch: 1024).read {
            try request($0, number: $1, readsObjects: $2, tokenizer)
        } answer: { requests in
            for request in requests {
                try writer.write(
                    Answer(
                        id: request.id ?? .integer(0),
                        text: tokenizer.decode(request.ids, skippingSpecialTokens: !keepSpecial)))
            }
        }
    }

    private func request(
        _ line: String, number: Int, readsObjects: Bool, _ tokenizer: any Tokenizer
    ) throws -> Request {
        var request: Request
        do {
            let data = Data(line.utf8)
            request =
                readsObjects
                ? try JSONDecoder().decode(Request.self, from: data)
                : Request(ids: try JSONDecoder().decode([Int32].self, from: data))
        } catch is DecodingError {
            throw InputError(
                file: "standard input", line: number, problem: "is not a JSON array of ids",
                remedy: "write [101, 7592, 102], or an object with \"ids\" on every line")
        }
        if let wrong = request.ids.first(where: { !(0..<tokenizer.vocabularySize).contains(Int($0)) }) {
            throw InputError(
                file: "standard input", line: number,
                problem: "has the id \(wrong); the vocabulary has the ids 0 to \(tokenizer.vocabularySize - 1)",
                remedy: "decode with the tokenizer that the ids came from")
        }
        request.id = request.id ?? .integer(number)
        return request
    }
}
