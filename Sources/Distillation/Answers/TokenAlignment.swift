import Formats
import Foundation
import Tokenizers

/// Lays a teacher's tokens over a student's: by the bytes of the answer.
struct TokenAlignment {
    private let tokenizer: any Tokenizer
    private let maxLength: Int
    /// The student's token with exactly these bytes; of several the first that is not special.
    private let ids: [[UInt8]: Int32]

    init(_ tokenizer: any Tokenizer, maxLength: Int) {
        self.tokenizer = tokenizer
        self.maxLength = maxLength
        var ids: [[UInt8]: Int32] = [:]
        for special in [false, true] {
            for id in 0..<Int32(tokenizer.vocabularySize) where tokenizer.isSpecial(id) == special {
                let bytes = tokenizer.bytes(of: id)
                if !bytes.isEmpty, ids[bytes] == nil { ids[bytes] = id }
            }
        }
        self.ids = ids
    }

    /// A prompt and its answer as the student reads them.
    struct Row {
        /// At most `maxLength`.
        let tokens: [Int32]
        /// How many of them begin inside of the answer.
        let answerTokens: Int
        /// Where the student's and the teacher's tokens begin at the same byte, and some candidate is a token of the student: the
        /// position before, which predicts what begins there, and the teacher's token.
        let places: [(position: Int, token: APIAnswer.Token)]
    }

    struct Problem: Error {
        let text: String
    }

    func row(_ prompt: String, _ answer: [APIAnswer.Token]) throws(Problem) -> Row {
        var bytes: [UInt8] = []
        var starts: [Int: Int] = [:]
        let promptBytes = prompt.utf8.count
        for (index, token) in answer.enumerated() {
            guard let own = token.chosen.bytes else {
                throw Problem(text: "token \(index + 1) holds a part of a character, and the server gave no bytes")
            }
            // A token without bytes, such as an end of text, begins where the next one does.
            starts[promptBytes + bytes.count] = index
            bytes += own
        }
        let text = prompt + (try Self.text(bytes))
        let encoding = tokenizer.encoding(of: text)
        let own = encoding.ids.indices.map { encoding.isSpecial[$0] ? [] : tokenizer.bytes(of: encoding.ids[$0]) }
        // Some tokenizers write a blank before a text.
        let spelled = own.joined()
        let shift = spelled.elementsEqual(text.utf8) ? 0 : spelled.elementsEqual([0x20] + Array(text.utf8)) ? -1 : nil
        guard var place = shift else {
            throw Problem(text: "the student's tokens do not spell the text byte for byte")
        }
        let tokens = Array(encoding.ids.prefix(maxLength))
        var answerTokens = 0
        var places: [(position: Int, token: APIAnswer.Token)] = []
        for position in tokens.indices {
            let start = place
            place += own[position].count
            guard !own[position].isEmpty, start >= promptBytes else { continue }
            answerTokens += 1
            guard position > 0, let index = starts[start], answer[index].candidates.contains(where: isToken) else {
                continue
            }
            places.append((position - 1, answer[index]))
        }
        return Row(tokens: tokens, answerTokens: answerTokens, places: places)
    }

    /// Whether a candidate is one of the student's tokens.
    private func isToken(_ candidate: APIAnswer.Candidate) -> Bool {
        candidate.bytes.map { ids[$0] != nil } ?? false
    }

    /// The text of bytes; a character that is cut off at their end is left out.
    private static func text(_ bytes: [UInt8]) throws(Problem) -> String {
        for cut in 0...min(3, bytes.count) {
            if let text = String(validating: bytes.dropLast(cut), as: UTF8.self) { return text }
        }
        throw Problem(text: "the answer's bytes are not UTF-8")
    }

    /// The candidates that are one of the student's tokens, by falling probability, at most `kept`; and what of the
    /// probability they leave over.
    func outcomes(
        of token: APIAnswer.Token, kept: Int
    ) -> (outcomes: [(id: Int32, mass: Double)], rest: Double) {
        var masses: [Int32: Double] = [:]
        for candidate in token.candidates {
            guard let id = candidate.bytes.flatMap({ ids[$0] }) else { continue }
            masses[id, default: 0] += exp(candidate.logProbability)
        }
        let outcomes = masses.map { (id: $0.key, mass: $0.value) }
            .sorted { $0.mass != $1.mass ? $0.mass > $1.mass : $0.id < $1.id }.prefix(kept)
        return (Array(outcomes), max(0, 1 - outcomes.reduce(0) { $0 + $1.mass }))
    }
}
