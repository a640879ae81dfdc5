/// A value that a recipe can hold, whatever Swift type it becomes.
///
/// Reading goes YAML → `SettingValue` → section; writing goes the same way back.
enum SettingValue: Equatable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([SettingValue])
    /// Entries in the order in which they are written.
    case map([Entry])

    struct Entry: Equatable, Sendable {
        let name: String
        let value: SettingValue
    }
}

/// A Swift type that a recipe key can have.
protocol SettingConvertible: Sendable {
    /// Whether `null` stands for a value of this type.
    static var acceptsNull: Bool { get }
    /// Nil when the value has another type.
    init?(setting: SettingValue)
    var setting: SettingValue { get }
}

extension SettingConvertible {
    static var acceptsNull: Bool { false }
}

extension Bool: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .boolean(let value) = setting else { return nil }
        self = value
    }
    var setting: SettingValue { .boolean(self) }
}

extension Int: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .integer(let value) = setting else { return nil }
        self = value
    }
    var setting: SettingValue { .integer(self) }
}

extension UInt64: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .integer(let value) = setting else { return nil }
        self.init(exactly: value)
    }
    // Traps above Int.max: the format's whole numbers end there, and clamping would silently change a seed.
    var setting: SettingValue { .integer(Int(self)) }
}

extension Double: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .number(let value) = setting else { return nil }
        self = value
    }
    var setting: SettingValue { .number(self) }
}

extension String: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .text(let value) = setting else { return nil }
        self = value
    }
    var setting: SettingValue { .text(self) }
}

extension Array: SettingConvertible where Element: SettingConvertible {
    init?(setting: SettingValue) {
        guard case .list(let values) = setting else { return nil }
        let elements = values.compactMap(Element.init(setting:))
        guard elements.count == values.count else { return nil }
        self = elements
    }
    var setting: SettingValue { .list(map(\.setting)) }
}

extension Optional: SettingConvertible where Wrapped: SettingConvertible {
    static var acceptsNull: Bool { true }

    init?(setting: SettingValue) {
        if setting == .null {
            self = .none
        } else if let value = Wrapped(setting: setting) {
            self = .some(value)
        } else {
            return nil
        }
    }
    var setting: SettingValue { self?.setting ?? .null }
}

/// A setting with a fixed set of names: the raw values are the recipe's spelling.
protocol SettingChoice: SettingConvertible, CaseIterable, RawRepresentable<String> {
    /// Names that the format knows and this version does not carry out.
    static var unsupported: [String] { get }
}

extension SettingChoice {
    static var unsupported: [String] { [] }

    init?(setting: SettingValue) {
        guard case .text(let name) = setting else { return nil }
        self.init(rawValue: name)
    }
    var setting: SettingValue { .text(rawValue) }
}
