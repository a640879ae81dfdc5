/// How a `tokenizer.json` cuts a normalized text into the words that its model spells one by one.
indirect enum PreTokenizer: Sendable {
    case split(Pattern, SplitText.Behavior, inverted: Bool)
    /// Puts a blank before what does not begin with one, and splits by `pattern`. The bytes are spelled by the model.
    case byteLevel(addsBlank: Bool, Pattern?)
    case metaspace(Unicode.Scalar, MetaspacePrefix, splits: Bool)
    case sequence([PreTokenizer])

    /// Where Metaspace puts its mark although no blank is there.
    enum MetaspacePrefix: String {
        case first, never, always
    }

    func apply(to split: inout SplitText) {
        switch self {
        case .split(let pattern, let behavior, let inverted):
            split.split(by: pattern, behavior, inverted: inverted)
        case .byteLevel(let addsBlank, let pattern):
            if addsBlank { Self.addBlanks(to: &split) }
            if let pattern { split.split(by: pattern, .isolated) }
        case .metaspace(let mark, let prefix, let splits): Self.markBlanks(of: &split, mark, prefix, splits: splits)
        case .sequence(let parts): for part in parts { part.apply(to: &split) }
        }
    }

    /// Whether the model spells bytes and not characters.
    var isByteLevel: Bool {
        switch self {
        case .byteLevel: true
        case .sequence(let parts): parts.last?.isByteLevel ?? false
        default: false
        }
    }

    /// Whether it treats the beginning of the original text in a way of its own.
    var asksForPlaces: Bool {
        switch self {
        case .metaspace(_, let prefix, _): prefix == .first
        case .sequence(let parts): parts.contains(where: \.asksForPlaces)
        default: false
        }
    }

    private static func addBlanks(to split: inout SplitText) {
        guard split.ranges.contains(where: { split.text.bytes[$0.lowerBound] != 0x20 }) else { return }
        split.rewrite { text, range, output in
            if text.bytes[range.lowerBound] != 0x20 { output.append(" ", span: text.spans?[range.lowerBound]) }
            output.append(text, range)
        }
    }

    private static func markBlanks(
        of split: inout SplitText, _ mark: Unicode.Scalar, _ prefix: MetaspacePrefix, splits: Bool
    ) {
        split.rewrite { text, range, output in
            let first = text.bytes[range.lowerBound]
            let beginsWithMark = first == 0x20 || text.bytes[range].starts(with: UTF8.encode(mark)!)
            let isFirst = text.spans?[range.lowerBound].start == 0
            if !beginsWithMark, prefix == .always || (prefix == .first && isFirst) {
                output.append(mark, span: text.spans?[range.lowerBound])
            }
            var start = range.lowerBound
            for place in range where text.bytes[place] == 0x20 {
                output.append(text, start..<place)
                output.append(mark, span: text.spans?[place])
                start = place + 1
            }
            output.append(text, start..<range.upperBound)
        }
        if splits { split.split(by: Pattern(literal: String(mark)), .mergedWithNext) }
    }
}
