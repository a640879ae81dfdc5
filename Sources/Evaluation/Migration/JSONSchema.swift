import Files
public import Foundation

/// A JSON Schema (draft 2020-12, https://json-schema.org/specification), as far as it decides about single documents:
/// types, values, bounds, lengths, patterns, objects, lists, combinations and local references. `format` and other
/// annotations decide nothing, as the standard has it; a keyword that would and is not known is refused.
public struct JSONSchema: Sendable {
    private let root: JSONTree

    private static let annotations: Set = [
        "$schema", "$id", "$comment", "$anchor", "title", "description", "default", "examples", "format", "deprecated",
        "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "$defs", "definitions",
    ]
    private static let known: Set = [
        "type", "enum", "const", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minLength",
        "maxLength", "pattern", "items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains",
        "minContains",
        "maxContains", "properties", "patternProperties", "additionalProperties", "required", "minProperties",
        "maxProperties", "propertyNames", "dependentRequired", "allOf", "anyOf", "oneOf", "not", "if", "then", "else",
        "$ref",
    ]
    /// References may lead to themselves: no document is judged deeper.
    private static let mostDepth = 200

    /// - Throws: `InputError` for a file that is no schema, or has a keyword that is not known.
    public init(reading url: URL) throws {
        let content: Data
        do {
            content = try Data(contentsOf: url)
        } catch {
            throw InputError(file: url.path, problem: "cannot be read: \(error.localizedDescription)")
        }
        guard let tree = JSONTree(parsing: String(decoding: content, as: UTF8.self)) else {
            throw InputError(file: url.path, problem: "is no JSON", remedy: "give a JSON Schema")
        }
        root = tree
        try check(tree, at: "#", file: url.path)
    }

    private func check(_ schema: JSONTree, at place: String, file: String, depth: Int = 0) throws {
        func refuse(_ problem: String, _ remedy: String) -> InputError {
            InputError(file: file, field: place, problem: problem, remedy: remedy)
        }
        guard depth < Self.mostDepth else { throw refuse("is nested too deeply", "simplify the schema") }
        if case .bool = schema { return }
        guard case .object(let members) = schema else {
            throw refuse("a schema is an object, true or false", "mend the schema")
        }
        for key in members.keys.sorted() where !Self.annotations.contains(key) && !Self.known.contains(key) {
            throw refuse("the keyword \(key) is not known", "write the schema without it")
        }
        for key in ["items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"] {
            if let part = members[key] { try check(part, at: "\(place)/\(key)", file: file, depth: depth + 1) }
        }
        for key in ["properties", "patternProperties", "$defs", "definitions"] {
            guard case .object(let parts)? = members[key] else { continue }
            for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
                try check(part, at: "\(place)/\(key)/\(name)", file: file, depth: depth + 1)
                if key == "patternProperties", (try? NSRegularExpression(pattern: name)) == nil {
                    throw refuse("the pattern \(name) cannot be read", "mend it")
                }
            }
        }
        for key in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            guard case .list(let parts)? = members[key] else { continue }
            for (index, part) in parts.enumerated() {
                try check(part, at: "\(place)/\(key)/\(index)", file: file, depth: depth + 1)
            }
        }
        if case .text(let pattern)? = members["pattern"], (try? NSRegularExpression(pattern: pattern)) == nil {
            throw refuse("the pattern \(pattern) cannot be read", "mend it")
        }
        if case .text(let reference)? = members["$ref"], resolve(reference) == nil {
            throw refuse("the reference \(reference) leads nowhere in this file", "name a part of it, as #/$defs/name")
        }
    }

    /// Why a text is not a valid document, with the place in it; nil where it is one.
    public func fault(in text: String) -> String? {
        guard let tree = JSONTree(parsing: text) else { return "is no JSON" }
        return fault(tree, root, at: "$", depth: 0)
    }

    private func resolve(_ reference: String) -> JSONTree? {
        guard reference.hasPrefix("#") else { return nil }
        var tree = root
        for part in reference.dropFirst().split(separator: "/") {
            let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
            switch tree {
            case .object(let members):
                guard let next = members[name] else { return nil }
                tree = next
            case .list(let elements):
                guard let index = Int(name), elements.indices.contains(index) else { return nil }
                tree = elements[index]
            default: return nil
            }
        }
        return tree
    }

    private func fault(_ value: JSONTree, _ schema: JSONTree, at place: String, depth: Int) -> String? {
        guard depth < Self.mostDepth else { return "\(place): is nested too deeply" }
        guard case .object(let rules) = schema else {
            return schema == .bool(false) ? "\(place): nothing is allowed here" : nil
        }
        func inner(_ schema: JSONTree) -> String? { fault(value, schema, at: place, depth: depth + 1) }
        if case .text(let reference)? = rules["$ref"], let target = resolve(reference), let found = inner(target) {
            return found
        }
        if let found = SchemaRules.ofAny(value, rules) ?? SchemaRules.ofScalars(value, rules) {
            return "\(place): \(found)"
        }
        switch value {
        case .object(let members):
            if let found = fault(members, rules, at: place, depth: depth) { return found }
        case .list(let elements):
            if let found = fault(elements, rules, at: place, depth: depth) { return found }
        default: break
        }
        if case .list(let parts)? = rules["allOf"] {
            for part in parts { if let found = inner(part) { return found } }
        }
        if case .list(let parts)? = rules["anyOf"], parts.allSatisfy({ inner($0) != nil }) {
            return "\(place): fits none of anyOf"
        }
        if case .list(let parts)? = rules["oneOf"], parts.count(where: { inner($0) == nil }) != 1 {
            return "\(place): does not fit exactly one of oneOf"
        }
        if let part = rules["not"], inner(part) == nil { return "\(place): fits what `not` excludes" }
        if let condition = rules["if"] {
            if let part = inner(condition) == nil ? rules["then"] : rules["else"] { return inner(part) }
        }
        return nil
    }

    private func fault(
        _ members: [String: JSONTree], _ rules: [String: JSONTree], at place: String, depth: Int
    ) -> String? {
        if let found = SchemaRules.ofObject(members, rules) { return "\(place): \(found)" }
        var (properties, patterns): ([String: JSONTree], [String: JSONTree]) = ([:], [:])
        if case .object(let parts)? = rules["properties"] { properties = parts }
        if case .object(let parts)? = rules["patternProperties"] { patterns = parts }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            func inner(_ schema: JSONTree) -> String? { fault(value, schema, at: "\(place).\(name)", depth: depth + 1) }
            let fitting = patterns.filter { SchemaRules.matches(name, $0.key) }.sorted { $0.key < $1.key }
            for schema in [properties[name]].compactMap({ $0 }) + fitting.map(\.value) {
                if let found = inner(schema) { return found }
            }
            if properties[name] == nil, fitting.isEmpty, let rest = rules["additionalProperties"],
                let found = inner(rest)
            {
                return rest == .bool(false) ? "\(place): \(name) is not allowed" : found
            }
            if let names = rules["propertyNames"],
                let found = fault(.text(name), names, at: "\(place).\(name)", depth: depth + 1)
            {
                return found
            }
        }
        return nil
    }

    private func fault(_ elements: [JSONTree], _ rules: [String: JSONTree], at place: String, depth: Int) -> String? {
        if let found = SchemaRules.ofList(elements, rules) { return "\(place): \(found)" }
        var first: [JSONTree] = []
        if case .list(let parts)? = rules["prefixItems"] { first = parts }
        for (index, element) in elements.enumerated() {
            guard let schema = index < first.count ? first[index] : rules["items"] else { continue }
            if let found = fault(element, schema, at: "\(place)[\(index)]", depth: depth + 1) { return found }
        }
        guard let part = rules["contains"] else { return nil }
        let count = elements.count { fault($0, part, at: place, depth: depth + 1) == nil }
        let (least, most) = (SchemaRules.number(rules["minContains"]) ?? 1, SchemaRules.number(rules["maxContains"]))
        guard Double(count) >= least, Double(count) <= most ?? .infinity else {
            return "\(place): \(count) elements fit `contains`"
        }
        return nil
    }
}
