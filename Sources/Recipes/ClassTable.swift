import Files
public import Foundation

/// A table of class names and how a teacher spells each, in YAML: `positive: [Positive, positive, " positive"]`.
public enum ClassTable {
    /// - Throws: `InputError` with the line of what is no class with a list of texts.
    public static func read(_ url: URL) throws -> [(name: String, spellings: [String])] {
        let text: String
        do {
            text = try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot be read as UTF-8 text", remedy: "check the path and its permissions")
        }
        let root = try SourceNode.parse(text, file: url.path)
        guard case .map(let entries) = root.content else { throw problem(root, "expected a map of class names") }
        return try entries.map { entry in
            guard case .list(let nodes) = entry.value.content else {
                throw problem(entry.value, "expected a list of texts after \(entry.name)")
            }
            return (
                entry.name,
                try nodes.map { node in
                    guard case .scalar(let spelling, _) = node.content else { throw problem(node, "expected a text") }
                    return spelling
                }
            )
        }
    }

    private static func problem(_ node: SourceNode, _ problem: String) -> InputError {
        InputError(
            file: node.place.file, line: node.place.line, column: node.place.column, problem: problem,
            remedy: "write a class as NAME: [spelling, another]")
    }
}
