import Files
import Yams

/// A piece of YAML with its place: what a recipe's author wrote, before it is checked against the schema.
struct SourceNode {
    typealias Place = RecipePlaces.Place

    enum Content {
        case scalar(String, quoted: Bool)
        case list([SourceNode])
        case map([Entry])
    }

    struct Entry {
        let name: String
        let place: Place
        var value: SourceNode
    }

    var content: Content
    let place: Place

    /// A recipe says little; more text than this is another kind of file.
    static let largestText = 1 << 18

    /// Reads one YAML document. An empty one is an empty map.
    ///
    /// - Throws: one error at the place where the text stops being YAML.
    static func parse(_ text: String, file: String) throws(InputError) -> SourceNode {
        guard text.utf8.count <= largestText else {
            throw tooLong(file)
        }
        try refuseAliases(text, file: file)
        do {
            guard let root = try Yams.compose(yaml: text, .default, .default, .utf8) else {
                return SourceNode(content: .map([]), place: Place(file: file, line: 1, column: 1))
            }
            return try SourceNode(root, file: file)
        } catch let error as YamlError {
            throw error.inputError(file: file)
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(file: file, problem: "cannot read as YAML: \(error)")
        }
    }

    static func tooLong(_ file: String) -> InputError {
        InputError(
            file: file, problem: "more than \(largestText) bytes, the most that a recipe has",
            remedy: "check that this file is a recipe")
    }

    /// The parser copies what an alias names, and a few nested aliases copy more than memory holds. They are looked
    /// for before it runs: an anchor (`&name`) and an alias (`*name`) where a value can start, quotes and comments
    /// included, because telling those apart would need a parser.
    private static func refuseAliases(_ text: String, file: String) throws(InputError) {
        guard let anchor = text.firstMatch(of: /(?:^|[\s\[\{,:])(&[^\s&])/), text.contains(/(?:^|[\s\[\{,:])\*[^\s*]/)
        else { return }
        let before = text[..<anchor.1.startIndex].unicodeScalars
        let lineStart = before.lastIndex { $0 == "\n" || $0 == "\r" }
        throw InputError(
            file: file, line: before.reduce(into: 1) { $0 += $1 == "\n" ? 1 : 0 },
            column: before.distance(from: lineStart.map(before.index(after:)) ?? before.startIndex, to: before.endIndex)
                + 1, problem: "found an anchor (&) and an alias (*); a recipe holds values only",
            remedy: "write the value in each place")
    }
}

extension SourceNode {
    fileprivate init(_ node: Node, file: String) throws {
        place = Place(file: file, line: node.mark?.line, column: node.mark?.column)
        switch node {
        case .scalar(let scalar):
            content = .scalar(scalar.string, quoted: scalar.style != .plain)
        case .sequence(let sequence):
            content = .list(try sequence.map { try SourceNode($0, file: file) })
        case .mapping(let mapping):
            content = .map(
                try mapping.map { key, value in
                    let place = Place(file: file, line: key.mark?.line, column: key.mark?.column)
                    guard case .scalar(let name) = key else {
                        throw InputError(
                            file: file, line: place.line, column: place.column,
                            problem: "found a list or a map as a key; expected a name")
                    }
                    return Entry(name: name.string, place: place, value: try SourceNode(value, file: file))
                })
        case .alias(let alias):
            throw InputError(
                file: file, line: alias.mark?.line, column: alias.mark?.column,
                problem: "found an alias; expected a value",
                remedy: "write the value itself")
        }
    }
}

extension YamlError {
    /// The same with its place, and a remedy for the mistakes that are easy to make.
    fileprivate func inputError(file: String) -> InputError {
        switch self {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = [context?.text, problem].compactMap(\.self).joined(separator: ": ")
            let remedy: String? =
                if problem.contains("another document") {
                    "keep one recipe per file"
                } else if context?.text.contains("block scalar") == true {
                    "put a text that starts with > or | in quotes"
                } else if problem.contains("cannot start any token") {
                    "indent with spaces, not tabs, and put texts that start with a special character in quotes"
                } else {
                    "check the indentation, the brackets and the quotes around this place"
                }
            return InputError(
                file: file, line: mark.line, column: mark.column, problem: "not valid YAML: \(words)", remedy: remedy)
        case .reader(let problem, let offset, _, let text):
            let before = offset.map { Array(text.prefix($0)) } ?? []
            let line = before.count { $0.isNewline } + 1
            let column = before.count - (before.lastIndex { $0.isNewline } ?? -1)
            return InputError(
                file: file, line: offset == nil ? nil : line, column: column, problem: "not valid YAML: \(problem)",
                remedy: "save the recipe as plain UTF-8 text")
        case .duplicatedKeysInMapping(let names, let context):
            return InputError(
                file: file, line: context.mark.line, column: context.mark.column, field: names.first,
                problem: "the key stands more than once in the same section",
                remedy: "keep one of them")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return InputError(file: file, problem: "cannot read as YAML: \(self)")
        }
    }
}
