public import Files
public import Foundation

extension Recipe {
    /// Reads and checks a recipe file.
    ///
    /// - Parameter overrides: changes of the form `key.path=value`, applied in order before the check.
    /// - Throws: every problem of the file and of the overrides, each with its place.
    public static func load(_ url: URL, overrides: [String] = []) throws(InputErrors) -> Recipe {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            // One byte more than allowed is enough to refuse the file without reading all of it.
            data = try handle.read(upToCount: SourceNode.largestText + 1) ?? Data()
        } catch {
            throw InputErrors([
                InputError(
                    file: url.relativePath, problem: "cannot read the recipe",
                    remedy: "check that the path names a file and that you may read it")
            ])
        }
        guard data.count <= SourceNode.largestText else {
            throw InputErrors([SourceNode.tooLong(url.relativePath)])
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw InputErrors([
                InputError(
                    file: url.relativePath, problem: "not UTF-8 text", remedy: "save the recipe as plain UTF-8 text")
            ])
        }
        return try parse(text, file: url.relativePath, overrides: overrides)
    }

    /// Reads and checks a recipe's text.
    ///
    /// - Parameters:
    ///   - file: name of the text's source, for messages.
    ///   - overrides: changes of the form `key.path=value`, applied in order before the check.
    /// - Throws: every problem of the text and of the overrides, in the order of their places.
    public static func parse(
        _ text: String, file: String = "recipe", overrides: [String] = []
    ) throws(InputErrors) -> Recipe {
        var problems: [InputError] = []
        var changes: [Override] = []
        for argument in overrides {
            do {
                changes.append(try Override(argument))
            } catch {
                problems.append(error)
            }
        }
        var root: SourceNode
        do {
            root = try SourceNode.parse(text, file: file)
        } catch {
            throw InputErrors([error] + problems)
        }
        for change in changes { change.apply(to: &root) }
        guard case .map(let entries) = root.content else {
            let error = InputError(
                file: file, line: root.place.line, column: root.place.column,
                problem: "found \(root.words); expected the keys of a recipe", remedy: "begin with schema: 1")
            throw InputErrors([error] + problems)
        }

        var reader = SettingReader(file: file)
        let values = reader.readSection(entries, as: keys, at: "")
        var recipe = Recipe(setting: values) ?? Recipe()
        recipe.places = reader.places
        for rule in Rule.all where rule.canBeJudged(without: reader.unreadable) {
            reader.report(rule.violations(recipe))
        }
        let all = inFileOrder(reader.errors) + problems
        guard all.isEmpty else { throw InputErrors(all) }
        return recipe
    }

    /// The SHA-256 of the resolved recipe: equal for recipes that say the same, wherever and however they are written.
    public var digest: String {
        Digest.sha256(resolvedYAML())
    }

    /// By line and column; those without a line (the command line) last.
    private static func inFileOrder(_ errors: [InputError]) -> [InputError] {
        func key(_ error: InputError) -> (Int, Int) { (error.line ?? .max, error.column ?? .max) }
        return errors.enumerated().sorted { a, b in
            key(a.element) == key(b.element) ? a.offset < b.offset : key(a.element) < key(b.element)
        }.map(\.element)
    }
}
