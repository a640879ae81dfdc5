import Files

/// Reads the regular expressions that `tokenizer.json` files have: alternatives, groups, sets with `\s \S \d \w \p{…} \P{…}`,
/// `?`, `*`, `+`, `{n}`, `{n,m}`, `(?i:…)` and `(?!…)` with one set in it. Everything else is refused at its place.
struct PatternParser {
    private let source: [Unicode.Scalar]
    /// Where the expression stands; nil for those that are part of the program.
    private let node: JSONNode?
    private var position = 0

    private static let maximumLength = 4096
    /// Of all alternatives, multiplied out; published patterns have up to about a hundred.
    private static let maximumTerms = 512

    static func parse(_ source: String, at node: JSONNode? = nil) throws -> Pattern {
        var parser = PatternParser(source: Array(source.unicodeScalars), node: node)
        guard parser.source.count <= maximumLength else {
            throw parser.refusal("more than \(maximumLength) characters")
        }
        let alternatives = try parser.alternatives(ignoringCase: false, depth: 0)
        guard parser.position == parser.source.count else { throw parser.refusal("`)`") }
        guard alternatives.reduce(0, { $0 + $1.count }) <= maximumTerms else { throw parser.refusal("too many parts") }
        return Pattern(source: source, alternatives: alternatives)
    }

    private init(source: [Unicode.Scalar], node: JSONNode?) {
        self.source = source
        self.node = node
    }

    private func refusal(_ what: String) -> InputError {
        let shown = String(String.UnicodeScalarView(source.prefix(200)))
        return InputError(
            file: node?.file, field: node?.path,
            problem:
                "the regular expression `\(shown)` has \(what) at character \(position + 1), which is not supported",
            remedy: "supported are the patterns of GPT-2, RoBERTa, Llama 3, Qwen2, SmolLM and others built alike")
    }

    private var next: Unicode.Scalar? { position < source.count ? source[position] : nil }

    private mutating func pass(_ text: String) -> Bool {
        guard source[position...].starts(with: text.unicodeScalars) else { return false }
        position += text.unicodeScalars.count
        return true
    }

    private mutating func alternatives(ignoringCase: Bool, depth: Int) throws -> [[Pattern.Term]] {
        guard depth < 8 else { throw refusal("a group nested too deep") }
        var all: [[Pattern.Term]] = []
        repeat {
            all += try sequence(ignoringCase: ignoringCase, depth: depth)
            guard all.count <= Pattern.maximumAlternatives else { throw refusal("too many alternatives") }
        } while pass("|")
        return all
    }

    /// One alternative, multiplied out.
    private mutating func sequence(ignoringCase: Bool, depth: Int) throws -> [[Pattern.Term]] {
        var rows: [[Pattern.Term]] = [[]]
        while let scalar = next, scalar != "|", scalar != ")" {
            let factor: [[Pattern.Term]]
            if pass("(?!") {
                let set = try self.set(ignoringCase: ignoringCase)
                guard pass(")") else { throw refusal("a look-ahead of more than one set") }
                factor = [[Pattern.Term(set: set, isLookahead: true)]]
            } else if scalar == "(" {
                factor = try group(ignoringCase: ignoringCase, depth: depth)
            } else {
                var term = Pattern.Term(set: try set(ignoringCase: ignoringCase))
                (term.minimum, term.maximum) = try repetition()
                factor = [[term]]
            }
            guard rows.count * factor.count <= Pattern.maximumAlternatives else {
                throw refusal("too many alternatives")
            }
            rows = rows.flatMap { row in factor.map { row + $0 } }
            // Each can try as many lengths as the text has places: more of them would multiply.
            if rows.contains(where: { $0.count { $0.maximum > 16 } > 3 }) { throw refusal("a fourth long repetition") }
        }
        return rows
    }

    private mutating func group(ignoringCase: Bool, depth: Int) throws -> [[Pattern.Term]] {
        var ignoringCase = ignoringCase
        if pass("(?i:") {
            ignoringCase = true
        } else if !pass("(?:") {
            position += 1
            if next == "?" { throw refusal("a group of an unknown kind") }
        }
        let alternatives = try alternatives(ignoringCase: ignoringCase, depth: depth + 1)
        guard pass(")") else { throw refusal("a group without an end") }
        switch try repetition() {
        case (1, 1): return alternatives
        case (0, 1): return alternatives + [[]]
        default: throw refusal("a repeated group")
        }
    }

    /// How often the term before may occur.
    private mutating func repetition() throws -> (Int, Int) {
        let counts: (Int, Int)
        if pass("?") {
            counts = (0, 1)
        } else if pass("*") {
            counts = (0, .max)
        } else if pass("+") {
            counts = (1, .max)
        } else if pass("{") {
            guard let minimum = number() else { throw refusal("`{`") }
            var maximum = minimum
            if pass(",") { maximum = number() ?? .max }
            guard pass("}"), minimum <= maximum else { throw refusal("`{`") }
            counts = (minimum, maximum)
        } else {
            return (1, 1)
        }
        if let next, "?*+{".unicodeScalars.contains(next) { throw refusal("a repetition of a repetition") }
        return counts
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, ("0"..."9").contains(digit), (value ?? 0) < 1000 {
            value = (value ?? 0) * 10 + Int(digit.value - 48)
            position += 1
        }
        return value
    }

    /// A scalar, an escape, or a set in brackets.
    private mutating func set(ignoringCase: Bool) throws -> ScalarSet {
        guard let scalar = next else { throw refusal("its end") }
        switch scalar {
        case "[": return try brackets(ignoringCase: ignoringCase)
        case "\\": return try escape(inBrackets: false)
        case ".", "^", "$", "?", "*", "+", "{", "(", ")", "|": throw refusal("`\(scalar)`")
        default:
            position += 1
            return Self.set(of: scalar, ignoringCase: ignoringCase)
        }
    }

    private static func set(of scalar: Unicode.Scalar, ignoringCase: Bool) -> ScalarSet {
        var set = ScalarSet()
        set.insert(scalar.value...scalar.value)
        guard ignoringCase else { return set }
        let cases = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
        for other in cases.map(\.unicodeScalars) where other.count == 1 {
            for folded in other { set.insert(folded.value...folded.value) }
        }
        // The letters above ASCII that fold to an ASCII letter.
        if scalar == "s" || scalar == "S" { set.insert(0x17F...0x17F) }
        if scalar == "k" || scalar == "K" { set.insert(0x212A...0x212A) }
        return set
    }

    private mutating func brackets(ignoringCase: Bool) throws -> ScalarSet {
        position += 1
        let isNegated = pass("^")
        var set = ScalarSet()
        var isEmpty = true
        while !pass("]") {
            guard let scalar = next else { throw refusal("a set without an end") }
            if pass("&&") { throw refusal("an intersection of sets") }
            var part: ScalarSet
            if scalar == "[" {
                part = try brackets(ignoringCase: ignoringCase)
            } else if let first = try literal() {
                part = Self.set(of: first, ignoringCase: ignoringCase)
                if next == "-", position + 1 < source.count, source[position + 1] != "]" {
                    position += 1
                    guard let last = try literal(), first <= last, !ignoringCase else { throw refusal("a range") }
                    part = ScalarSet()
                    part.insert(first.value...last.value)
                }
            } else {
                part = try escape(inBrackets: true)
            }
            guard set.formUnion(part) else { throw refusal("a negated set in a set") }
            isEmpty = false
        }
        guard !isEmpty else { throw refusal("an empty set") }
        if isNegated { set.negate() }
        return set
    }

    /// The scalar that stands here for itself, inside of brackets; nil before an escape that stands for several.
    private mutating func literal() throws -> Unicode.Scalar? {
        guard let scalar = next else { throw refusal("its end") }
        guard scalar == "\\" else {
            position += 1
            return scalar
        }
        guard position + 1 < source.count else { throw refusal("`\\`") }
        let escaped: Unicode.Scalar
        switch source[position + 1] {
        case "r": escaped = "\r"
        case "n": escaped = "\n"
        case "t": escaped = "\t"
        case let other where other.value < 0x80 && !other.properties.isAlphabetic && !("0"..."9").contains(other):
            escaped = other
        default: return nil
        }
        position += 2
        return escaped
    }

    /// What a backslash stands for.
    private mutating func escape(inBrackets: Bool) throws -> ScalarSet {
        var set = ScalarSet()
        if let scalar = try literal() {
            set.insert(scalar.value...scalar.value)
            return set
        }
        switch source[position + 1] {
        case "s", "S": set.insert(classes: ScalarClass.blank)
        case "d", "D": set.insert(classes: ScalarClass.mask(property: "Nd") ?? 0)
        case "w", "W":
            set.insert(classes: ScalarClass.word)
            // Outside of brackets, Oniguruma takes these numbers of Latin-1 for word characters too: ² ³ ¹ ¼ ½ ¾.
            let numbers: [ClosedRange<UInt32>] = inBrackets ? [] : [0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE]
            for range in numbers { set.insert(range) }
        case "p", "P": return try property()
        default: throw refusal("`\\\(source[position + 1])`")
        }
        if source[position + 1].properties.isUppercase { set.negate() }
        position += 2
        return set
    }

    private mutating func property() throws -> ScalarSet {
        var isNegated = source[position + 1] == "P"
        let start = position
        position += 2
        guard pass("{"), let end = source[position...].firstIndex(of: "}") else { throw refusal("`\\p`") }
        if pass("^") { isNegated.toggle() }
        let name = String(String.UnicodeScalarView(source[position..<end]))
        guard let classes = ScalarClass.mask(property: name) else {
            position = start
            throw refusal("the property `\(name)`")
        }
        position = end + 1
        var set = ScalarSet()
        set.insert(classes: classes)
        if isNegated { set.negate() }
        return set
    }
}

extension Pattern {
    /// GPT-2's pattern, which ByteLevel uses without naming it.
    static let gpt2 = constant(#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#)

    /// A pattern that is part of the program.
    static func constant(_ source: String) -> Pattern {
        do {
            return try PatternParser.parse(source)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
