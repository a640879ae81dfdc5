/// The rules of a schema that look at one value alone, and not at what is in it.
enum SchemaRules {
    static func number(_ tree: JSONTree?) -> Double? {
        if case .number(let number)? = tree { number } else { nil }
    }

    static func ofAny(_ value: JSONTree, _ rules: [String: JSONTree]) -> String? {
        switch rules["type"] {
        case .text(let type) where !value.isOf(type: type): return "is not of type \(type)"
        case .list(let types):
            let names = types.compactMap { if case .text(let name) = $0 { name } else { nil } }
            if !names.contains(where: value.isOf) { return "is of none of the types \(names.joined(separator: ", "))" }
        default: break
        }
        if case .list(let values)? = rules["enum"], !values.contains(value) { return "is none of the values of enum" }
        if let constant = rules["const"], constant != value { return "is not the value of const" }
        return nil
    }

    static func ofScalars(_ value: JSONTree, _ rules: [String: JSONTree]) -> String? {
        switch value {
        case .number(let found):
            if let bound = number(rules["minimum"]), found < bound { return "\(found) is less than \(bound)" }
            if let bound = number(rules["maximum"]), found > bound { return "\(found) is more than \(bound)" }
            if let bound = number(rules["exclusiveMinimum"]), found <= bound { return "\(found) is not above \(bound)" }
            if let bound = number(rules["exclusiveMaximum"]), found >= bound { return "\(found) is not below \(bound)" }
            // 19.99 is a multiple of 0.01, though neither is a binary fraction.
            if let step = number(rules["multipleOf"]), step > 0,
                abs(found / step - (found / step).rounded()) > 1e-9 * max(1, abs(found / step))
            {
                return "\(found) is no multiple of \(step)"
            }
        case .text(let text):
            // Lengths are in Unicode scalars.
            let length = Double(text.unicodeScalars.count)
            if let bound = number(rules["minLength"]), length < bound {
                return "is shorter than \(Int(bound)) characters"
            }
            if let bound = number(rules["maxLength"]), length > bound {
                return "is longer than \(Int(bound)) characters"
            }
        default: break
        }
        return nil
    }

    static func ofObject(_ members: [String: JSONTree], _ rules: [String: JSONTree]) -> String? {
        if case .list(let names)? = rules["required"] {
            for case .text(let name) in names where members[name] == nil { return "lacks \(name)" }
        }
        if let bound = number(rules["minProperties"]), Double(members.count) < bound { return "has too few members" }
        if let bound = number(rules["maxProperties"]), Double(members.count) > bound { return "has too many members" }
        if case .object(let needs)? = rules["dependentRequired"] {
            for (name, list) in needs.sorted(by: { $0.key < $1.key }) where members[name] != nil {
                guard case .list(let others) = list else { continue }
                for case .text(let other) in others where members[other] == nil {
                    return "has \(name), and lacks \(other)"
                }
            }
        }
        return nil
    }

    static func ofList(_ elements: [JSONTree], _ rules: [String: JSONTree]) -> String? {
        if let bound = number(rules["minItems"]), Double(elements.count) < bound { return "has too few elements" }
        if let bound = number(rules["maxItems"]), Double(elements.count) > bound { return "has too many elements" }
        if rules["uniqueItems"] == .bool(true) {
            var seen: Set<JSONTree> = []
            for element in elements where !seen.insert(element).inserted { return "has an element twice" }
        }
        return nil
    }
}
