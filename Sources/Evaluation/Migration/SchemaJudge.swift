import Files
import Foundation

/// Holds one document to a schema, in bounded time.
final class SchemaJudge {
    /// References may lead to themselves: no document is judged deeper.
    private static let mostDepth = 200
    private let schema: JSONSchema
    /// Pairs of a value and a part of the schema that may still be looked at.
    private var steps: Int
    private var expressions: [String: NSRegularExpression] = [:]

    /// - Parameter bytes: of the document's text.
    init(_ schema: JSONSchema, bytes: Int) {
        self.schema = schema
        steps = 1_000_000 + 20 * bytes
    }

    /// What is wrong with the document, with the place in it.
    func fault(_ tree: JSONTree) throws(InputError) -> String? {
        try fault(tree, schema.root, at: "$", depth: 0)
    }

    private func fault(_ value: JSONTree, _ part: JSONTree, at place: String, depth: Int) throws(InputError) -> String?
    {
        guard depth < Self.mostDepth else { return "\(place): is nested too deeply" }
        guard case .object(let rules) = part else {
            return part == .bool(false) ? "\(place): nothing is allowed here" : nil
        }
        steps -= 1
        guard steps > 0 else {
            throw InputError(
                file: schema.file, problem: "has alternatives without end on a document of recorded answers",
                remedy: "write it without alternatives that contain themselves")
        }
        func inner(_ part: JSONTree) throws(InputError) -> String? {
            try fault(value, part, at: place, depth: depth + 1)
        }
        func fitting(_ parts: [JSONTree]) throws(InputError) -> Int {
            var count = 0
            for part in parts where try inner(part) == nil { count += 1 }
            return count
        }
        if case .text(let reference)? = rules["$ref"], let target = schema.resolve(reference),
            let found = try inner(target)
        {
            return found
        }
        if let found = SchemaRules.ofAny(value, rules) ?? SchemaRules.ofScalars(value, rules) {
            return "\(place): \(found)"
        }
        switch value {
        case .text(let text):
            if case .text(let pattern)? = rules["pattern"], try !matches(text, pattern) {
                return "\(place): does not fit the pattern \(pattern)"
            }
        case .object(let members):
            if let found = try fault(members, rules, at: place, depth: depth) { return found }
        case .list(let elements):
            if let found = try fault(elements, rules, at: place, depth: depth) { return found }
        default: break
        }
        if case .list(let parts)? = rules["allOf"] {
            for part in parts { if let found = try inner(part) { return found } }
        }
        if case .list(let parts)? = rules["anyOf"], try fitting(parts) == 0 { return "\(place): fits none of anyOf" }
        if case .list(let parts)? = rules["oneOf"], try fitting(parts) != 1 {
            return "\(place): does not fit exactly one of oneOf"
        }
        if let part = rules["not"], try inner(part) == nil { return "\(place): fits what `not` excludes" }
        if let condition = rules["if"] {
            if let part = try inner(condition) == nil ? rules["then"] : rules["else"] { return try inner(part) }
        }
        return nil
    }

    private func fault(
        _ members: [String: JSONTree], _ rules: [String: JSONTree], at place: String, depth: Int
    ) throws(InputError) -> String? {
        if let found = SchemaRules.ofObject(members, rules) { return "\(place): \(found)" }
        var (properties, patterns): ([String: JSONTree], [(String, JSONTree)]) = ([:], [])
        if case .object(let parts)? = rules["properties"] { properties = parts }
        if case .object(let parts)? = rules["patternProperties"] {
            patterns = parts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let here = "\(place).\(name)"
            var parts = [properties[name]].compactMap { $0 }
            for (pattern, part) in patterns where try matches(name, pattern) { parts.append(part) }
            for part in parts {
                if let found = try fault(value, part, at: here, depth: depth + 1) { return found }
            }
            if parts.isEmpty, let rest = rules["additionalProperties"],
                let found = try fault(value, rest, at: here, depth: depth + 1)
            {
                return rest == .bool(false) ? "\(place): \(name) is not allowed" : found
            }
            if let names = rules["propertyNames"], let found = try fault(.text(name), names, at: here, depth: depth + 1)
            {
                return found
            }
        }
        return nil
    }

    private func fault(
        _ elements: [JSONTree], _ rules: [String: JSONTree], at place: String, depth: Int
    ) throws(InputError) -> String? {
        if let found = SchemaRules.ofList(elements, rules) { return "\(place): \(found)" }
        var first: [JSONTree] = []
        if case .list(let parts)? = rules["prefixItems"] { first = parts }
        for (index, element) in elements.enumerated() {
            guard let part = index < first.count ? first[index] : rules["items"] else { continue }
            if let found = try fault(element, part, at: "\(place)[\(index)]", depth: depth + 1) { return found }
        }
        guard let part = rules["contains"] else { return nil }
        var count = 0
        for element in elements where try fault(element, part, at: place, depth: depth + 1) == nil { count += 1 }
        let (least, most) = (SchemaRules.number(rules["minContains"]) ?? 1, SchemaRules.number(rules["maxContains"]))
        guard Double(count) >= least, Double(count) <= most ?? .infinity else {
            return "\(place): \(count) elements fit `contains`"
        }
        return nil
    }

    /// Whether a pattern is found in a text.
    ///
    /// - Throws: `InputError` for one that backtracks without end.
    private func matches(_ text: String, _ pattern: String) throws(InputError) -> Bool {
        let expression: NSRegularExpression
        do {
            expression = try expressions[pattern] ?? NSRegularExpression(pattern: pattern)
        } catch {
            // Not of a schema that was checked when it was read.
            throw InputError(file: schema.file, field: "pattern", problem: "\(pattern.prefix(80)) cannot be read")
        }
        expressions[pattern] = expression
        var search = PatternSearch()
        search.run(expression, in: text)
        if search.gaveUp {
            throw InputError(
                file: schema.file, field: "pattern",
                problem: "\(pattern.prefix(80)) takes too long on a text of \(text.utf8.count) bytes",
                remedy: "write it without repetitions of repetitions or of alternatives, such as (a+)+")
        }
        return search.isFound
    }
}
