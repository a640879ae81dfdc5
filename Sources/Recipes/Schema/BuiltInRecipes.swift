/// A recipe that is part of the program.
public struct BuiltInRecipe: Sendable {
    public let name: String
    /// One line on what the recipe does.
    public let summary: String
    /// The YAML text, comments included.
    public let text: String

    /// - Parameter text: begins with the comment `# name: summary`.
    fileprivate init(_ bytes: [UInt8]) {
        text = String(decoding: bytes, as: UTF8.self)
        let title = text.prefix { !$0.isNewline }.drop { $0 == "#" || $0 == " " }
        name = String(title.prefix { $0 != ":" })
        summary = String(title.dropFirst(name.count).drop { $0 == ":" || $0 == " " })
    }
}

/// The files of `recipes/`, which the build puts into the program.
public enum BuiltInRecipes {
    /// In the order in which they are listed.
    public static let all = [
        BuiltInRecipe(PackageResources.quickstart_yaml), BuiltInRecipe(PackageResources.published_teacher_yaml),
        BuiltInRecipe(PackageResources.recorded_targets_yaml), BuiltInRecipe(PackageResources.api_answers_yaml),
        BuiltInRecipe(PackageResources.regression_yaml), BuiltInRecipe(PackageResources.embedding_yaml),
        BuiltInRecipe(PackageResources.language_model_yaml),
        BuiltInRecipe(PackageResources.ablation_wordnet26_yaml),
        BuiltInRecipe(PackageResources.ablation_prompt_injection_yaml),
    ]
}
