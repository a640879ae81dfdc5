/// A metadata value of a GGUF file.
public enum GGUFValue: Sendable {
    /// U8, U16, U32 or U64.
    case unsigned(UInt64)
    /// I8, I16, I32 or I64.
    case signed(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)

    /// The value if it is a whole number in the range of `Int`.
    public var integer: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .signed(let value): Int(value)
        default: nil
        }
    }

    /// The value if it is a number; beyond 2⁵³ rounded to the nearest `Double`.
    public var number: Double? {
        switch self {
        case .unsigned(let value): Double(value)
        case .signed(let value): Double(value)
        case .float32(let value): Double(value)
        case .float64(let value): value
        default: nil
        }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var array: GGUFArray? {
        if case .array(let value) = self { value } else { nil }
    }

    /// What the value is, for a message that expected something else.
    var kind: String {
        switch self {
        case .unsigned(let value): "the number \(value)"
        case .signed(let value): "the number \(value)"
        case .float32(let value): "the number \(value)"
        case .float64(let value): "the number \(value)"
        case .bool: "a truth value"
        case .string: "a string"
        case .array(let array): "an array of \(array.count) \(array.elements.plural)"
        }
    }
}

extension GGUFValue: CustomStringConvertible {
    /// The value as text; of an array the count and the first elements.
    public var description: String {
        switch self {
        case .unsigned(let value): "\(value)"
        case .signed(let value): "\(value)"
        case .float32(let value): "\(value)"
        case .float64(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): value
        case .array(let array): array.description
        }
    }
}
