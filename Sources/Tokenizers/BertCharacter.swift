/// The character classes of BERT's text clean-up, as the reference implementation (Hugging Face `tokenizers`) has them.
///
/// The reference carries the Unicode 8.0 category tables. Here the standard library's categories are limited to the
/// characters that existed then (`olderThanUnicode9`), and the few whose category changed later are listed by value.
enum BertCharacter {
    /// NUL, U+FFFD and everything in the categories control, format, private use; but not tab, LF and CR.
    static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 9, 10, 13: return false
        case 0, 0xFFFD: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .privateUse: return true
        case .format: return olderThanUnicode9(scalar)
        default: return false
        }
    }

    static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace
    }

    /// The CJK blocks whose characters are words of their own.
    static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            return true
        default:
            return false
        }
    }

    /// Non-spacing marks: what is left of an accent after canonical decomposition.
    static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1734, 0x1171E: return true
        case 0x1885, 0x1886, 0xA9BD, 0x111C9: return false
        default: return scalar.properties.generalCategory == .nonspacingMark && olderThanUnicode9(scalar)
        }
    }

    /// The punctuation categories and every ASCII symbol; each such character is a word of its own.
    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E, 0x166D, 0x111C9: return true
        case 0..<0x80: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return olderThanUnicode9(scalar)
        default:
            return false
        }
    }

    private static func olderThanUnicode9(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.age.map { $0.major < 9 } ?? false
    }
}
