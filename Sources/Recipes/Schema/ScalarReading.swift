/// A plain (unquoted) YAML scalar by the core schema of YAML 1.2, in which `yes`, `on` and `0x1f` are texts.
enum PlainScalar {
    case null
    case boolean(Bool)
    /// Nil when the digits are a whole number that does not fit.
    case integer(Int?)
    case number(Double)
    case text

    init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .boolean(true)
        case "false", "False", "FALSE": self = .boolean(false)
        default:
            if text.wholeMatch(of: /[\-+]?[0-9]+/) != nil {
                self = .integer(Int(text))
            } else if text.wholeMatch(of: /[\-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][\-+]?[0-9]+)?/) != nil,
                let value = Double(text)
            {
                self = .number(value)
            } else {
                self = .text
            }
        }
    }
}

extension SourceNode {
    /// Completes "found …".
    var words: String {
        switch content {
        case .map: return "a section"
        case .list: return "a list"
        case .scalar(let text, quoted: true): return "the text \(Self.quote(text))"
        case .scalar(let text, quoted: false):
            switch PlainScalar(text) {
            case .null: return "nothing"
            case .boolean: return text
            case .integer: return "the whole number \(Self.shorten(text))"
            case .number: return "the number \(Self.shorten(text))"
            case .text: return "the text \(Self.quote(text))"
            }
        }
    }

    var isNull: Bool {
        if case .scalar(let text, quoted: false) = content, case .null = PlainScalar(text) { true } else { false }
    }

    /// Quoted, on one line and short, whatever the text holds: it goes into messages.
    static func quote(_ text: String) -> String {
        let line = String(String.UnicodeScalarView(text.unicodeScalars.prefix(60).map { $0.value < 32 ? " " : $0 }))
        return "'\(shorten(line))'"
    }

    private static func shorten(_ text: String) -> String {
        text.count > 40 ? text.prefix(39) + "…" : text
    }
}
