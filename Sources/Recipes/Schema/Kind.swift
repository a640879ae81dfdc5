/// The type of a key and the values that it allows.
indirect enum Kind: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case number(Interval)
    case text(TextForm)
    case choice(supported: [String], unsupported: [String])
    case list(of: Kind, count: ClosedRange<Int>, distinct: Bool)
    /// A map whose names the recipe's author chooses, such as metrics.
    case entries(of: Kind)
    case section([Key])

    static func choice<Choice: SettingChoice>(_ type: Choice.Type) -> Kind {
        .choice(supported: type.allCases.map(\.rawValue), unsupported: type.unsupported)
    }

    /// Completes "expected …".
    var expectation: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range) where range.lowerBound == range.upperBound: "\(range.lowerBound)"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let interval): "a number \(interval.words)"
        case .text(let form): form.words
        case .choice(let supported, _) where supported.count == 1: supported[0]
        case .choice(let supported, _): "one of \(supported.joined(separator: ", "))"
        case .list(let element, let count, _) where count.lowerBound == count.upperBound:
            "a list of \(count.lowerBound), each \(element.expectation)"
        case .list(let element, _, _): "a list, each element \(element.expectation)"
        case .entries(let value): "a map of names, each with \(value.expectation)"
        case .section(let keys): "a section with the keys \(keys.map(\.name).joined(separator: ", "))"
        }
    }
}

/// A range of real numbers whose ends may belong to it or not.
struct Interval: Sendable {
    let lower: Double
    let upper: Double
    let includesLower: Bool
    let includesUpper: Bool

    /// `lower` and `upper` belong to it.
    static func from(_ lower: Double, to upper: Double) -> Interval {
        Interval(lower: lower, upper: upper, includesLower: true, includesUpper: true)
    }

    /// `lower` does not belong to it, `upper` does.
    static func above(_ lower: Double, to upper: Double) -> Interval {
        Interval(lower: lower, upper: upper, includesLower: false, includesUpper: true)
    }

    /// `lower` belongs to it, `upper` does not.
    static func from(_ lower: Double, below upper: Double) -> Interval {
        Interval(lower: lower, upper: upper, includesLower: true, includesUpper: false)
    }

    /// Neither end belongs to it.
    static func above(_ lower: Double, below upper: Double) -> Interval {
        Interval(lower: lower, upper: upper, includesLower: false, includesUpper: false)
    }

    func contains(_ value: Double) -> Bool {
        (includesLower ? value >= lower : value > lower) && (includesUpper ? value <= upper : value < upper)
    }

    var words: String {
        if includesLower && includesUpper { return "from \(short(lower)) to \(short(upper))" }
        let start = "\(includesLower ? "of at least" : "above") \(short(lower))"
        return "\(start) and \(includesUpper ? "at most" : "below") \(short(upper))"
    }

    private func short(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }
}

/// What a text may look like.
enum TextForm: Sendable {
    /// Any text that is not empty and holds no control characters.
    case line
    /// A name that can be part of a directory's name everywhere.
    case fileName
    /// A name inside a recipe, such as a metric's.
    case settingName

    /// The same as a regular expression for JSON Schema (ECMA 262).
    var pattern: String {
        switch self {
        case .line: #"^[^\u0000-\u001F\u007F]+$"#
        case .fileName: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
        case .settingName: "^[a-z][a-z0-9_]{0,63}$"
        }
    }

    var words: String {
        switch self {
        case .line: "a line of text"
        case .fileName: "a name of 1 to 64 letters, digits, '.', '_' and '-', which starts with a letter or digit"
        case .settingName: "a name of 1 to 64 small letters, digits and '_', which starts with a letter"
        }
    }

    func allows(_ text: String) -> Bool {
        switch self {
        case .line:
            !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
        case .fileName:
            text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]{0,63}/) != nil
        case .settingName:
            text.wholeMatch(of: /[a-z][a-z0-9_]{0,63}/) != nil
        }
    }
}
