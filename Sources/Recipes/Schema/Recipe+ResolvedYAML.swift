extension Recipe {
    /// The recipe with every key and its value, in the documented order. The same recipe gives the same text, and
    /// reading the text gives an equal recipe.
    public func resolvedYAML() -> String {
        var lines: [String] = []
        Self.write(setting, indentation: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func write(_ section: SettingValue, indentation: String, to lines: inout [String]) {
        guard case .map(let entries) = section else { return }
        for entry in entries {
            if case .map(let inner) = entry.value, !inner.isEmpty {
                lines.append("\(indentation)\(entry.name):")
                write(entry.value, indentation: indentation + "  ", to: &lines)
            } else {
                lines.append("\(indentation)\(entry.name): \(entry.value.inlineYAML)")
            }
        }
    }
}

extension SettingValue {
    /// On one line, in YAML's flow style. Keys are names of the schema or checked to be plain, so they need no quotes.
    var inlineYAML: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        // Swift prints the shortest digits that read back as the same number.
        case .number(let value): "\(value)"
        case .text(let text): Self.scalar(text)
        case .list(let values): "[\(values.map(\.inlineYAML).joined(separator: ", "))]"
        case .map(let entries):
            "{\(entries.map { "\($0.name): \($0.value.inlineYAML)" }.joined(separator: ", "))}"
        }
    }

    private static func scalar(_ text: String) -> String {
        if text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.\/\-]*/) != nil, case .text = PlainScalar(text) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                quoted += "\\\(scalar)"
            // Control characters, and those that YAML reads as line breaks or as a byte-order mark.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}"..."\u{FFFF}":
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
