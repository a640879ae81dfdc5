import Files
import Foundation

/// Whether a JSON value is a schema: keywords that are known, each with a value that it can have.
struct SchemaCheck {
    /// What a keyword's value is.
    private enum Kind: String {
        case schema = "a schema"
        case schemas = "a list of schemas, at least one"
        case namedSchemas = "an object of schemas"
        case number = "a number"
        case step = "a number above 0"
        case count = "a whole number from 0 to 9007199254740992"
        case flag = "true or false"
        case names = "a list of texts"
        case namedNames = "an object of lists of texts"
        case pattern = "a text"
        case types = "one of array, boolean, integer, null, number, object, string, or a list of them"
        case values = "a list"
        case reference = "a text such as #/$defs/name"
        case anything
    }

    private static let keywords: [String: Kind] = [
        "type": .types, "enum": .values, "const": .anything, "multipleOf": .step, "minimum": .number,
        "maximum": .number, "exclusiveMinimum": .number, "exclusiveMaximum": .number, "minLength": .count,
        "maxLength": .count, "pattern": .pattern, "items": .schema, "prefixItems": .schemas, "minItems": .count,
        "maxItems": .count, "uniqueItems": .flag, "contains": .schema, "minContains": .count, "maxContains": .count,
        "properties": .namedSchemas, "patternProperties": .namedSchemas, "additionalProperties": .schema,
        "required": .names, "minProperties": .count, "maxProperties": .count, "propertyNames": .schema,
        "dependentRequired": .namedNames, "allOf": .schemas, "anyOf": .schemas, "oneOf": .schemas, "not": .schema,
        "if": .schema, "then": .schema, "else": .schema, "$ref": .reference, "$defs": .namedSchemas,
        "definitions": .namedSchemas,
    ]
    private static let annotations: Set = [
        "$schema", "$id", "$comment", "$anchor", "title", "description", "default", "examples", "format", "deprecated",
        "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
    ]
    private static let types: Set = ["array", "boolean", "integer", "null", "number", "object", "string"]
    private static let longestPattern = 10_000

    private let schema: JSONSchema
    /// Where references lead, each looked at once: they may lead to themselves.
    private var pending: [String] = []
    private var seen: Set<String> = []

    init(_ schema: JSONSchema) { self.schema = schema }

    /// - Throws: `InputError` with the place in the schema.
    mutating func run() throws(InputError) {
        try check(schema.root, at: "#")
        while let reference = pending.popLast() {
            // It was resolved when it was met.
            if let target = schema.resolve(reference) { try check(target, at: reference) }
        }
    }

    /// The tree is no deeper than `JSONTree` reads.
    private mutating func check(_ tree: JSONTree, at place: String) throws(InputError) {
        if case .bool = tree { return }
        guard case .object(let members) = tree else {
            throw refuse(place, "a schema is an object, true or false; found \(tree.kind)")
        }
        for (key, value) in members.sorted(by: { $0.key < $1.key }) where !Self.annotations.contains(key) {
            guard let kind = Self.keywords[key] else {
                throw refuse(place, "the keyword \(key) is not known", "write the schema without it")
            }
            try check(value, kind, key, at: "\(place)/\(key)")
        }
    }

    private mutating func check(
        _ value: JSONTree, _ kind: Kind, _ key: String, at place: String
    ) throws(InputError) {
        switch (kind, value) {
        case (.anything, _), (.number, .number), (.flag, .bool), (.values, .list): return
        case (.schema, _): try check(value, at: place)
        case (.schemas, .list(let parts)) where !parts.isEmpty:
            for (index, part) in parts.enumerated() { try check(part, at: "\(place)/\(index)") }
        case (.namedSchemas, .object(let parts)):
            for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
                if key == "patternProperties" { try checkPattern(name, at: place) }
                try check(part, at: "\(place)/\(name)")
            }
        case (.step, .number(let number)) where number > 0 && number.isFinite: return
        case (.count, .number(let number)) where (0...0x1p53).contains(number) && number == number.rounded(): return
        case (.names, .list(let names)) where names.allSatisfy(\.isText): return
        case (.namedNames, .object(let parts)):
            for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
                try check(part, .names, key, at: "\(place)/\(name)")
            }
        case (.pattern, .text(let pattern)): try checkPattern(pattern, at: place)
        case (.types, .text(let name)) where Self.types.contains(name): return
        case (.types, .list(let names))
        where !names.isEmpty
            && names.allSatisfy({ if case .text(let name) = $0 { Self.types.contains(name) } else { false } }):
            return
        case (.reference, .text(let reference)):
            guard schema.resolve(reference) != nil else {
                throw refuse(
                    place, "the reference \(reference) leads nowhere in this file", "name a part of it, as #/$defs/name"
                )
            }
            if seen.insert(reference).inserted { pending.append(reference) }
        default: throw refuse(place, "found \(value.kind), expected \(kind.rawValue)")
        }
    }

    private func checkPattern(_ pattern: String, at place: String) throws(InputError) {
        guard pattern.utf8.count <= Self.longestPattern, (try? NSRegularExpression(pattern: pattern)) != nil else {
            throw refuse(place, "the pattern \(pattern.prefix(80)) cannot be read", "mend it")
        }
    }

    private func refuse(_ place: String, _ problem: String, _ remedy: String = "mend the schema") -> InputError {
        InputError(file: schema.file, field: place, problem: problem, remedy: remedy)
    }
}

extension JSONTree {
    fileprivate var isText: Bool { if case .text = self { true } else { false } }

    /// For a message.
    fileprivate var kind: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .text(let text): "the text \"\(text.prefix(40))\""
        case .list(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .object: "an object"
        }
    }
}
