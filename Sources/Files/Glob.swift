/// A pattern for paths: `*` stands for any characters of a name, `?` for one, `[a-z]` for one of a set and `[!a-z]` for one
/// outside of it. None of them stands for `/`.
///
/// A name that begins with a dot is matched only by a pattern that begins with one. Every other character stands for itself.
public struct Glob: Sendable {
    private enum Token {
        case any, one
        case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)
        case scalar(Unicode.Scalar)

        func takes(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .any: false
            case .one: true
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
            case .scalar(let own): own == scalar
            }
        }
    }

    private let names: [[Token]]

    public init(_ pattern: String) {
        names = pattern.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Self.tokens)
    }

    /// Whether the text has a character that stands for others.
    public static func isPattern(_ text: String) -> Bool {
        tokens(of: Substring(text).unicodeScalars).contains {
            if case .scalar = $0 { false } else { true }
        }
    }

    public func matches(_ path: String) -> Bool {
        let parts = path.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == names.count && zip(names, parts).allSatisfy { Self.matches($0, Array($1)) }
    }

    /// Goes back to the last `*` only, so that the time is at most the product of both lengths.
    private static func matches(_ tokens: [Token], _ name: [Unicode.Scalar]) -> Bool {
        if name.first == "." {
            guard case .scalar(".") = tokens.first else { return false }
        }
        var (token, position) = (0, 0)
        var star: (token: Int, position: Int)?
        while position < name.count {
            if token < tokens.count, case .any = tokens[token] {
                token += 1
                star = (token, position)
            } else if token < tokens.count, tokens[token].takes(name[position]) {
                token += 1
                position += 1
            } else if let last = star {
                star = (last.token, last.position + 1)
                (token, position) = (last.token, last.position + 1)
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { if case .any = $0 { true } else { false } }
    }

    private static func tokens(of pattern: Substring.UnicodeScalarView) -> [Token] {
        var tokens: [Token] = []
        var rest = pattern
        while let first = rest.popFirst() {
            switch first {
            case "*": tokens.append(.any)
            case "?": tokens.append(.one)
            case "[":
                if let (set, after) = set(in: rest) {
                    tokens.append(set)
                    rest = after
                } else {
                    tokens.append(.scalar(first))
                }
            default: tokens.append(.scalar(first))
            }
        }
        return tokens
    }

    /// The set that an opening bracket begins, and what follows it; nil if nothing closes it.
    private static func set(
        in text: Substring.UnicodeScalarView
    ) -> (Token, Substring.UnicodeScalarView)? {
        let isNegated = text.first == "!"
        let members = isNegated ? text.dropFirst() : text
        // A bracket that comes first is a member.
        guard let end = members.dropFirst().firstIndex(of: "]") else { return nil }
        let scalars = Array(members[..<end])
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var index = 0
        while index < scalars.count {
            let last = index + 2 < scalars.count && scalars[index + 1] == "-" ? index + 2 : index
            if scalars[index] <= scalars[last] { ranges.append(scalars[index]...scalars[last]) }
            index = last + 1
        }
        return (.set(ranges, isNegated: isNegated), text[members.index(after: end)...])
    }
}
