import Files

extension SettingReader {
    /// What to do about a key that the section does not have.
    static func remedy(forUnknown name: String, suggestion: String?, keys: [Key], section: String) -> String {
        if let suggestion { return "did you mean '\(suggestion)'?" }
        let elsewhere = RecipeSchema.paths.filter { $0.hasSuffix(".\(name)") || $0 == name }
        if let path = elsewhere.first { return "did you mean '\(path)'?" }
        let owner = section.isEmpty ? "a recipe" : "'\(section)'"
        return "\(owner) has the keys \(keys.map(\.name).joined(separator: ", "))"
    }

    /// What to do about a value of the wrong type, where it can be told.
    static func remedy(_ node: SourceNode, _ kind: Kind) -> String? {
        guard case .scalar(let text, let quoted) = node.content else { return nil }
        switch kind {
        case .boolean where !quoted && ["yes", "no", "on", "off", "y", "n"].contains(text.lowercased()):
            return "write true or false"
        case .integer where quoted && isNumber(text), .number where quoted && isNumber(text):
            return "remove the quotes"
        case .text where !quoted && !node.isNull:
            if case .text = PlainScalar(text) { return nil }
            return "put it in quotes"
        case .choice(let supported, _):
            return nearestName(to: text, among: supported).map { "did you mean '\($0)'?" }
        case .list where !node.isNull:
            return "write it in brackets: [\(text.prefix(40))]"
        default:
            return nil
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        switch PlainScalar(text) {
        case .integer, .number: true
        case .null, .boolean, .text: false
        }
    }
}
