public import Files
public import Foundation

/// A JSON Schema (draft 2020-12, https://json-schema.org/specification), as far as it decides about single documents:
/// types, values, bounds, lengths, patterns, objects, lists, combinations and local references. `format` and other
/// annotations decide nothing, as the standard has it; a keyword that would and is not known is refused, as is a value that
/// a keyword cannot have.
public struct JSONSchema: Sendable {
    let root: JSONTree
    let file: String

    /// - Throws: `InputError` for a file that is no schema, with the place in it.
    public init(reading url: URL) throws {
        let content: Data
        do {
            content = try Data(contentsOf: url)
        } catch {
            throw InputError(file: url.path, problem: "cannot be read: \(error.systemReason)")
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw InputError(file: url.path, problem: "is not UTF-8", remedy: "give a JSON Schema in UTF-8")
        }
        do {
            root = try JSONTree(parsing: text)
        } catch {
            throw InputError(file: url.path, problem: error.rawValue, remedy: "give a JSON Schema")
        }
        file = url.path
        var check = SchemaCheck(self)
        try check.run()
    }

    /// Why a text is not a valid document, with the place in it; nil where it is one.
    ///
    /// - Throws: `InputError` where the schema would take unbounded time on this text.
    public func fault(in text: String) throws(InputError) -> String? {
        let tree: JSONTree
        do {
            tree = try JSONTree(parsing: text)
        } catch {
            return error.rawValue
        }
        return try SchemaJudge(self, bytes: text.utf8.count).fault(tree)
    }

    /// The part that a local reference names.
    func resolve(_ reference: String) -> JSONTree? {
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
}
