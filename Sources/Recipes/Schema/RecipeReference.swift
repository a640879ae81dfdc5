extension RecipeSchema {
    /// The format as a Markdown page: every key with its type, default and meaning, and the rules between keys.
    public static func reference() -> String {
        var lines = [
            "# Recipe reference", "",
            "A recipe is one YAML file. Any key can be changed on the command line: `key.path=value`. Keys in bold have no",
            "default. Unknown keys are errors. `null` for an optional section leaves it out.",
        ]
        append(Recipe.keys, title: "Top level", documentation: nil, path: "", to: &lines)
        lines += ["", "## Rules between keys", ""]
        lines += Rule.all.map { "- \($0.documentation)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func append(
        _ keys: [Key], title: String, documentation: String?, path: String, to lines: inout [String]
    ) {
        lines += ["", "## \(title)", ""]
        if let documentation { lines += [documentation, ""] }
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
        for key in keys {
            let name = key.isRequired ? "**`\(key.name)`**" : "`\(key.name)`"
            let row = [name, value(of: key, in: path), defaultValue(of: key), key.documentation]
            lines.append("| \(row.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |")
        }
        // What stands in the elements of a list has been explained above it.
        guard !path.hasSuffix("[]") else { return }
        for key in keys {
            let innerPath = SettingReader.join(path, key.name)
            switch key.kind {
            case .section(let inner):
                append(inner, title: "`\(innerPath)`", documentation: key.documentation, path: innerPath, to: &lines)
            case .list(.section(let inner), _, _):
                append(inner, title: "`\(innerPath)[]`", documentation: nil, path: innerPath + "[]", to: &lines)
            default: break
            }
        }
    }

    private static func value(of key: Key, in path: String) -> String {
        switch key.kind {
        case .section where path.hasSuffix("[]"): "section, as `\(key.name)`"
        case .section: "section, below"
        case .choice(let supported, _): supported.map { "`\($0)`" }.joined(separator: ", ")
        default: key.kind.expectation
        }
    }

    private static func defaultValue(of key: Key) -> String {
        if key.isRequired { return "" }
        switch (key.presence, key.kind, key.defaultValue) {
        case (.sameAs(let sibling), _, _): return "the value of `\(sibling)`"
        case (_, _, .null): return "none"
        case (_, .section, _): return ""
        default: return "`\(key.defaultValue.inlineYAML)`"
        }
    }
}
