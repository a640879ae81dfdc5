public import Files
public import Foundation

/// The keys of a `config.json`, or of another JSON object, read one by one; what is wrong is gathered and thrown at once.
public struct ConfigurationReader {
    /// The path that errors name.
    public let file: String
    private let values: [String: JSONValue]
    /// What was wrong so far.
    public private(set) var errors: [InputError] = []

    /// Reads a file that holds one JSON object.
    ///
    /// - Throws: `InputError` if it cannot be read or holds anything else.
    public init(reading url: URL) throws {
        file = url.path
        let content: Data
        do {
            content = try Data(contentsOf: url)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot be read",
                remedy: "a model directory holds config.json, model.safetensors and tokenizer.json")
        }
        do {
            values = try JSONDecoder().decode([String: JSONValue].self, from: content)
        } catch let error as DecodingError {
            throw InputError(file: url.path, problem: "not a model configuration: \(Self.reason(error))")
        }
    }

    /// Whether the key is there and not null.
    public func has(_ key: String) -> Bool {
        value(key) != nil
    }

    /// Notes a problem with a key.
    public mutating func refuse(_ key: String, _ problem: String, remedy: String? = nil) {
        errors.append(InputError(file: file, field: key, problem: problem, remedy: remedy))
    }

    /// Ends the reading.
    ///
    /// - Throws: `InputErrors` with everything that was wrong.
    public func finish() throws {
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    /// A whole number from 1, or from `least`, to `limit`.
    ///
    /// - Parameter standard: the value of a missing key; nil where the key must be there.
    /// - Returns: `standard`, or `least`, where something is wrong.
    public mutating func size(_ key: String, standard: Int? = nil, least: Int = 1, limit: Int = 1 << 24) -> Int {
        let expected = "expected a whole number from \(least) to \(limit)"
        switch value(key) {
        case nil:
            if let standard { return standard }
            refuse(key, "found nothing, \(expected)")
        case .integer(let number) where (least...limit).contains(number): return number
        case let found?: refuse(key, "found \(found.text), \(expected)")
        }
        return standard ?? least
    }

    /// A list of whole numbers from `least` to `limit`; nil where the key is missing, empty where something is wrong.
    public mutating func sizes(_ key: String, least: Int = 1, limit: Int) -> [Int]? {
        guard let found = value(key) else { return nil }
        if case .array(let elements) = found {
            let numbers = elements.compactMap { element -> Int? in
                if case .integer(let number) = element, (least...limit).contains(number) { number } else { nil }
            }
            if numbers.count == elements.count { return numbers }
        }
        refuse(key, "found \(found.text), expected whole numbers from \(least) to \(limit)")
        return []
    }

    /// A whole number from 0 to `limit`, or a list of them; nil where the key is missing.
    public mutating func oneOrMore(_ key: String, limit: Int) -> [Int]? {
        if case .array? = value(key) { return sizes(key, least: 0, limit: limit) }
        return has(key) ? [size(key, least: 0, limit: limit)] : nil
    }

    /// A number in a range, which `words` says, such as `a number above 0`.
    public mutating func number(
        _ key: String, standard: Double, _ words: String, where holds: (Double) -> Bool
    ) -> Float {
        let number: Double
        switch value(key) {
        case nil: return Float(standard)
        case .integer(let found): number = Double(found)
        case .number(let found): number = found
        case let found?:
            refuse(key, "found \(found.text), expected \(words)")
            return Float(standard)
        }
        guard holds(number), Float(number).isFinite else {
            refuse(key, "found \(number), expected \(words)")
            return Float(standard)
        }
        return Float(number)
    }

    /// true or false.
    public mutating func flag(_ key: String, standard: Bool) -> Bool {
        switch value(key) {
        case nil: return standard
        case .flag(let flag): return flag
        case let found?:
            refuse(key, "found \(found.text), expected true or false")
            return standard
        }
    }

    /// A text; nil where the key is missing or holds anything else, which is noted.
    public mutating func text(_ key: String) -> String? {
        switch value(key) {
        case nil: return nil
        case .text(let text): return text
        case let found?:
            refuse(key, "found \(found.text), expected a text")
            return nil
        }
    }

    /// A list of texts; nil where the key is missing or holds anything else, which is noted.
    public mutating func texts(_ key: String) -> [String]? {
        guard let found = value(key) else { return nil }
        if case .array(let elements) = found {
            let texts = elements.compactMap { if case .text(let text) = $0 { text } else { nil } }
            if texts.count == elements.count { return texts }
        }
        refuse(key, "found \(found.text), expected a list of texts")
        return nil
    }

    /// The members of an object; nil where the key is missing or holds anything else, which is noted.
    public mutating func object(_ key: String) -> [String: JSONValue]? {
        switch value(key) {
        case nil: return nil
        case .object(let members): return members
        case let found?:
            refuse(key, "found \(found.text), expected an object")
            return nil
        }
    }

    private func value(_ key: String) -> JSONValue? {
        if case .null? = values[key] { nil } else { values[key] }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch, .valueNotFound, .keyNotFound: return "expected an object"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }
}

/// Any JSON value.
public enum JSONValue: Decodable, Equatable, Sendable {
    case null
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: any Swift.Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let integer = try? container.decode(Int.self) {
            self = .integer(integer)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let array = try? container.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// The value in an error message, shortened.
    public var text: String {
        switch self {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .text(let text): "\"\(text.prefix(60))\""
        case .array(let elements):
            "[\(elements.prefix(8).map(\.text).joined(separator: ", "))\(elements.count > 8 ? ", …" : "")]"
        case .object: "an object"
        }
    }
}
