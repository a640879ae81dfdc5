public import Files
public import Foundation

/// The keys of a `config.json`, or of another JSON object, read one by one; what is wrong is gathered and thrown at once.
///
/// A key of an object inside is given as `rope_scaling.factor`.
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
                remedy: "a model directory holds config.json, the weights and tokenizer.json")
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

    /// Whether nothing was wrong with these keys so far.
    public func isSound(_ keys: String...) -> Bool {
        !errors.contains { error in keys.contains { $0 == error.field } }
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

    /// As many whole numbers from `least` to `limit` as `standard` has; `standard` where the key is missing or something is
    /// wrong.
    public mutating func sizes(_ key: String, least: Int = 1, limit: Int, standard: [Int]) -> [Int] {
        guard let found = value(key) else { return standard }
        if case .array(let elements) = found, elements.count == standard.count {
            let numbers = elements.compactMap { element -> Int? in
                if case .integer(let number) = element, (least...limit).contains(number) { number } else { nil }
            }
            if numbers.count == elements.count { return numbers }
        }
        refuse(
            key,
            "found \(found.text), expected \(standard.count) whole numbers from \(least) to \(limit), one for each layer"
        )
        return standard
    }

    /// A token id or a list of them; empty where the key is missing or something is wrong.
    public mutating func ids(_ key: String) -> [Int32] {
        guard let found = value(key) else { return [] }
        let elements = if case .array(let elements) = found { elements } else { [found] }
        let ids = elements.compactMap { element -> Int32? in
            if case .integer(let number) = element { Int32(exactly: number) } else { nil }
        }
        if ids.count == elements.count { return ids }
        refuse(key, "found \(found.text), expected a whole number of 32 bits, or a list of them")
        return []
    }

    /// A number above 0, which single precision can hold.
    ///
    /// - Parameter standard: the value of a missing key; nil where the key must be there.
    /// - Returns: `standard`, or 1, where something is wrong.
    public mutating func positive(_ key: String, standard: Double? = nil) -> Double {
        number(key, standard: standard, "a number above 0") { Float($0) > 0 }
    }

    /// A share from 0 to below 1.
    public mutating func rate(_ key: String, standard: Double) -> Float {
        Float(number(key, standard: standard, "a number from 0 to below 1") { (0..<1).contains(Float($0)) })
    }

    /// A number in a range, which `words` says, such as `a number above 0`.
    ///
    /// - Parameter standard: the value of a missing key; nil where the key must be there.
    /// - Returns: `standard`, or 1, where something is wrong.
    public mutating func number(
        _ key: String, standard: Double? = nil, _ words: String, where holds: (Double) -> Bool
    ) -> Double {
        var number: Double?
        switch value(key) {
        case nil:
            if let standard { return standard }
        case .integer(let found): number = Double(found)
        case .number(let found): number = found
        default: break
        }
        if let number, holds(number), Float(number).isFinite { return number }
        refuse(key, "found \(value(key)?.text ?? "nothing"), expected \(words)")
        return standard ?? 1
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
        var found: JSONValue? = .object(values)
        for part in key.split(separator: ".") {
            guard case .object(let members)? = found else { return nil }
            found = members[String(part)]
        }
        return if case .null? = found { nil } else { found }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch, .valueNotFound, .keyNotFound: return "expected an object"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }
}
