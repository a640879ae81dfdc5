import Files
import Recipes

/// The least that a recipe must say, and what reading variants of it gives.
enum TinyRecipe {
    static let text = """
        schema: 1
        name: tiny
        task: classification
        data:
          train: train.csv
          validation: validation.csv
          test: test.csv
        teacher:
          train:
            layers: 3
            hidden: 192
            heads: 6
            feed_forward: 768
        student:
          layers: 2
          hidden: 128
          heads: 4
          feed_forward: 512

        """

    static func parse(_ added: String = "", overrides: [String] = []) throws -> Recipe {
        try Recipe.parse(text + added, file: "tiny.yaml", overrides: overrides)
    }

    /// The problems of a text; none when it is a recipe.
    static func errors(in text: String, overrides: [String] = []) -> [InputError] {
        do {
            _ = try Recipe.parse(text, file: "tiny.yaml", overrides: overrides)
            return []
        } catch {
            return error.errors
        }
    }

    static func errors(replacing old: String, by new: String) -> [InputError] {
        precondition(text.contains(old))
        return errors(in: text.replacing(old, with: new))
    }
}

extension InputError {
    /// Without the remedy, on one line.
    var headline: String {
        var error = self
        error.remedy = nil
        return "\(error)"
    }
}
