import Foundation

/// The recipe format as data: for editors (JSON Schema), for people (the reference page) and for messages.
public enum RecipeSchema {
    /// Every key's path in the order of the reference, sections before what they hold.
    static let paths: [String] = paths(of: Recipe.keys, in: "")

    /// The kind of the key that `names` lead to, or nil when there is none.
    static func kind(at names: [String]) -> (kind: Kind, acceptsNull: Bool)? {
        var found: (kind: Kind, acceptsNull: Bool) = (.section(Recipe.keys), false)
        for name in names {
            switch found.kind {
            case .section(let keys):
                guard let key = keys.first(where: { $0.name == name }) else { return nil }
                found = (key.kind, key.acceptsNull)
            case .entries(let value):
                found = (value, false)
            default:
                return nil
            }
        }
        return found
    }

    /// The format as a JSON Schema (draft 2020-12). Combinations of keys that cannot work are listed in its comment;
    /// only reading a recipe checks them.
    public static func jsonSchema() -> String {
        var root = schema(of: .section(Recipe.keys))
        root.insert(.init(name: "$schema", value: .text("https://json-schema.org/draft/2020-12/schema")), at: 0)
        root.append(.init(name: "title", value: .text("Retort recipe")))
        root.append(.init(name: "$comment", value: .text(Rule.all.map(\.documentation).joined(separator: " "))))
        return SettingValue.map(root).json(indentation: "") + "\n"
    }

    private static func paths(of keys: [Key], in section: String) -> [String] {
        keys.flatMap { key in
            let path = SettingReader.join(section, key.name)
            guard case .section(let inner) = key.kind else { return [path] }
            return [path] + paths(of: inner, in: path)
        }
    }

    private static func schema(of key: Key) -> SettingValue {
        var entries = schema(of: key.kind)
        if key.acceptsNull {
            entries = [
                .init(name: "anyOf", value: .list([.map([.init(name: "type", value: .text("null"))]), .map(entries)]))
            ]
        }
        entries.append(.init(name: "description", value: .text(key.documentation)))
        if case .defaulted = key.presence, !key.isRequired, key.defaultValue != .null {
            if case .section = key.kind { return .map(entries) }
            entries.append(.init(name: "default", value: key.defaultValue))
        }
        return .map(entries)
    }

    private static func schema(of kind: Kind) -> [SettingValue.Entry] {
        func type(_ name: String) -> SettingValue.Entry { .init(name: "type", value: .text(name)) }
        switch kind {
        case .boolean:
            return [type("boolean")]
        case .integer(let range):
            return [
                type("integer"), .init(name: "minimum", value: .integer(range.lowerBound)),
                .init(name: "maximum", value: .integer(range.upperBound)),
            ]
        case .number(let interval):
            return [
                type("number"),
                .init(name: interval.includesLower ? "minimum" : "exclusiveMinimum", value: .number(interval.lower)),
                .init(name: interval.includesUpper ? "maximum" : "exclusiveMaximum", value: .number(interval.upper)),
            ]
        case .text(let form):
            return [type("string"), .init(name: "pattern", value: .text(form.pattern))]
        case .choice(let supported, _):
            return [.init(name: "enum", value: .list(supported.map(SettingValue.text)))]
        case .list(let element, let count, let distinct):
            return [
                type("array"), .init(name: "items", value: .map(schema(of: element))),
                .init(name: "minItems", value: .integer(count.lowerBound)),
                .init(name: "maxItems", value: .integer(count.upperBound)),
                .init(name: "uniqueItems", value: .boolean(distinct)),
            ]
        case .entries(let value):
            return [
                type("object"), .init(name: "propertyNames", value: .map(schema(of: .text(.settingName)))),
                .init(name: "additionalProperties", value: .map(schema(of: value))),
            ]
        case .section(let keys):
            return [
                type("object"), .init(name: "additionalProperties", value: .boolean(false)),
                .init(name: "required", value: .list(keys.filter(\.isRequired).map { .text($0.name) })),
                .init(name: "properties", value: .map(keys.map { .init(name: $0.name, value: schema(of: $0)) })),
            ]
        }
    }
}

extension SettingValue {
    /// As JSON with its entries in their own order, which `JSONEncoder` does not keep.
    fileprivate func json(indentation: String) -> String {
        let inner = indentation + "  "
        switch self {
        case .null, .boolean, .integer, .number: return inlineYAML
        case .text(let text): return Self.jsonString(text)
        case .list(let values):
            return "[\(values.map { $0.json(indentation: inner) }.joined(separator: ", "))]"
        case .map(let entries) where entries.isEmpty: return "{}"
        case .map(let entries):
            let lines = entries.map { "\(inner)\(Self.jsonString($0.name)): \($0.value.json(indentation: inner))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
        }
    }

    private static func jsonString(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case "\u{0}"..."\u{1F}": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
