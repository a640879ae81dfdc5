import Foundation

/// Word pieces to text, as the decoder of the same name in the `tokenizers` package.
struct WordPieceDecoder: Sendable, Equatable {
    let prefix: String
    /// Whether blanks before punctuation and English contractions are taken away, token by token.
    let cleansUp: Bool

    func decode(_ tokens: [String]) -> [String] {
        tokens.enumerated().map { index, token in
            var text = token
            if index > 0 {
                let continues = !prefix.isEmpty && token.utf8.starts(with: prefix.utf8)
                text =
                    continues ? String(decoding: token.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : " " + token
            }
            return cleansUp ? Self.cleanedUp(text) : text
        }
    }

    private static let replacements = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]

    private static func cleanedUp(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: " ")) else { return text }
        return replacements.reduce(text) { text, pair in
            text.replacingOccurrences(of: pair.0, with: pair.1, options: .literal)
        }
    }
}
