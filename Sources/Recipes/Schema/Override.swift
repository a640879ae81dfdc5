import Files

/// A change to a recipe from the command line: `key.path=value`. The schema gives the type; nothing is evaluated.
struct Override {
    private static let place = SourceNode.Place(file: "command line")

    private let names: [String]
    private let value: SourceNode

    /// - Throws: `InputError` naming the argument when it has no `=`, no such key exists, or its value is not YAML.
    init(_ argument: String) throws(InputError) {
        guard let equals = argument.firstIndex(of: "=") else {
            throw Self.error(argument, "expected key.path=value", remedy: "for example train.epochs=2")
        }
        let path = String(argument[..<equals])
        let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let key = RecipeSchema.kind(at: names) else {
            let near = nearestName(to: path, among: RecipeSchema.paths)
            let sameName = RecipeSchema.paths.first { names.last == $0.split(separator: ".").last.map(String.init) }
            throw Self.error(
                path, "no such key",
                remedy: (near ?? sameName).map { "did you mean '\($0)'?" } ?? "see the recipe reference for all keys")
        }
        self.names = names
        value = try Self.parse(
            String(argument[argument.index(after: equals)...]), as: key.kind, orNull: key.acceptsNull, path)
    }

    /// Writes the value into the tree, with the sections around it when they are absent.
    func apply(to root: inout SourceNode) {
        Self.set(value, at: names[...], in: &root)
    }

    private static func set(_ value: SourceNode, at names: ArraySlice<String>, in node: inout SourceNode) {
        guard let name = names.first else {
            node = value
            return
        }
        if node.isNull { node = SourceNode(content: .map([]), place: node.place) }
        // Anything else that is not a map stays: reading reports it where it stands.
        guard case .map(var entries) = node.content else { return }
        let index = entries.firstIndex { $0.name == name } ?? entries.endIndex
        if index == entries.endIndex {
            let empty = SourceNode(content: .map([]), place: place)
            entries.append(.init(name: name, place: place, value: empty))
        }
        set(value, at: names.dropFirst(), in: &entries[index].value)
        node.content = .map(entries)
    }

    /// Texts are taken as they stand, so that a shell's user need not quote twice; all else is a YAML value.
    private static func parse(
        _ text: String, as kind: Kind, orNull: Bool, _ path: String
    ) throws(InputError) -> SourceNode {
        if case .text = kind, !text.hasPrefix("\""), !text.hasPrefix("'"), !(orNull && text == "null") {
            return SourceNode(content: .scalar(text, quoted: true), place: place)
        }
        if text.allSatisfy(\.isWhitespace) {
            return SourceNode(content: .scalar("", quoted: false), place: place)
        }
        do {
            return try SourceNode.parse(text, file: place.file).placed(at: place)
        } catch {
            throw Self.error(path, "\(SourceNode.quote(text)): \(error.problem)", remedy: error.remedy)
        }
    }

    private static func error(_ field: String, _ problem: String, remedy: String?) -> InputError {
        InputError(file: place.file, field: field, problem: problem, remedy: remedy)
    }
}

extension SourceNode {
    /// The same tree with one place for all of it: columns within an argument help nobody.
    fileprivate func placed(at place: Place) -> SourceNode {
        let content: Content =
            switch self.content {
            case .scalar: self.content
            case .list(let nodes): .list(nodes.map { $0.placed(at: place) })
            case .map(let entries):
                .map(entries.map { Entry(name: $0.name, place: place, value: $0.value.placed(at: place)) })
            }
        return SourceNode(content: content, place: place)
    }
}
