import Files
import Foundation
import Models
import Recipes
import Tokenizers

/// Continues texts: {"id", "text", "tokens", "finish"}.
struct TextGenerator: Predictor {
    let model: LoadedDecoder
    let sampling: Sampling
    /// The most tokens to make for a text.
    let limit: Int
    /// Whether the texts themselves are written as they come, instead of objects.
    let streams: Bool

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var text: String
        var tokens: [Int32]
        var finish: Continuation.Finish?
    }

    func answer(_ requests: [PredictionRequest]) throws {
        for request in requests {
            try request.requireSingleText()
            let prompt = model.tokenizer.encoding(of: request.text).ids
            var continuation: Continuation
            do {
                continuation = try Continuation(
                    of: prompt, by: model.runner, sampling: sampling, limit: limit, sample: request.number,
                    endTokens: model.endTokens)
            } catch var error as InputError {
                (error.file, error.line) = ("standard input", request.number)
                throw error
            }
            var piece = TextPiece()
            while let token = try continuation.next() {
                guard streams, isText(token) else { continue }
                printPiece(piece.append(model.tokenizer.bytes(of: token)))
            }
            if streams {
                printData(piece.rest)
            } else {
                let text = model.tokenizer.decode(continuation.tokens, skippingSpecialTokens: true)
                try JSONLineWriter().write(
                    Answer(
                        id: request.id, text: text, tokens: continuation.tokens, finish: continuation.finish))
            }
        }
    }

    /// Whether the text shows the token: no special ones, and none of the rows that a model has past its vocabulary.
    private func isText(_ token: Int32) -> Bool {
        token < model.tokenizer.vocabularySize && !model.tokenizer.isSpecial(token)
    }
}

/// UTF-8 that arrives in tokens, which may end inside of a character.
private struct TextPiece {
    private var pending: [UInt8] = []

    /// The characters that are complete now.
    mutating func append(_ bytes: [UInt8]) -> String {
        pending += bytes
        var complete = pending.count
        // A character has at most four bytes: if one of the last three begins one that is not whole, it waits.
        for back in 1...3 where back <= pending.count {
            let byte = pending[pending.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
            if length > back { complete = pending.count - back }
            break
        }
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// What is left at the end.
    var rest: String { String(decoding: pending, as: UTF8.self) }
}

private func printPiece(_ text: String) {
    guard !text.isEmpty else { return }
    writeData(isatty(STDOUT_FILENO) == 1 ? text.printable() : text)
}
