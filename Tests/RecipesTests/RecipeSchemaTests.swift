import Foundation
import Recipes
import Testing

struct RecipeSchemaTests {
    private let root: [String: Any]

    init() throws {
        let json = try JSONSerialization.jsonObject(with: Data(RecipeSchema.jsonSchema().utf8))
        root = try #require(json as? [String: Any])
    }

    @Test("the JSON Schema is JSON and gives types, ranges, choices, defaults and patterns")
    func keywords() throws {
        #expect(root["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect((root["required"] as? [String])?.sorted() == ["data", "name", "schema", "student", "task"])
        let rate = try property("train.learning_rate")
        #expect(rate["type"] as? String == "number")
        #expect(rate["exclusiveMinimum"] as? Double == 0)
        #expect(rate["maximum"] as? Double == 1)
        #expect(rate["default"] as? Double == 5e-4)
        let length = try property("data.max_length")
        #expect(length["minimum"] as? Int == 4)
        #expect(length["maximum"] as? Int == 8192)
        #expect(try property("train.schedule")["enum"] as? [String] == ["constant", "linear", "cosine"])
        #expect(try property("export")["default"] as? [String] == ["onnx", "safetensors"])
        let pattern = try #require(try property("name")["pattern"] as? String)
        #expect(try Regex(pattern).wholeMatch(in: "a-1.b") != nil)
        #expect(try Regex(pattern).wholeMatch(in: "a/b") == nil)
    }

    @Test(
        "the JSON Schema has every key of the resolved recipe, closed and described, and its optional parts allow null")
    func everyKey() throws {
        let recipe = try TinyRecipe.parse(overrides: [
            "prune.feed_forward={}", "quantize={}", "loss.features.pairs=[[1, 1]]",
            "loss.relations={student_layer: 1, teacher_layer: 1, heads: 2}",
            "loss.attention={weight: 1, pairs: [[1, 1]]}",
            "teacher.train.heads=4", "train.early_stopping={}", "adapt={train: other.csv}",
        ])
        var sections: [String] = []
        for line in recipe.resolvedYAML().split(separator: "\n") {
            let depth = line.prefix { $0 == " " }.count / 2
            let name = String(line.drop { $0 == " " }.prefix { $0 != ":" })
            sections = sections.prefix(depth) + [name]
            let path = sections.joined(separator: ".")
            let outer = try property(path)
            #expect((outer["description"] as? String)?.isEmpty == false, "\(path)")
            if line.hasSuffix(":") {
                #expect(Self.inside(outer)["additionalProperties"] as? Bool == false, "\(path)")
            }
        }
        for path in [
            "data.limit", "teacher.model", "teacher.fine_tune", "teacher.train", "loss.features", "loss.relations",
            "loss.attention", "loss.kl.beta", "loss.kl.weight_end", "loss.kl.temperature_end", "loss.cross_entropy_end",
            "train.ema", "train.early_stopping", "adapt", "student.teacher_layers", "student.checkpoint", "prune",
            "prune.feed_forward", "quantize",
        ] {
            let alternatives = try #require(try property(path)["anyOf"] as? [[String: Any]], "\(path)")
            #expect(alternatives.contains { $0["type"] as? String == "null" }, "\(path)")
        }
    }

    @Test("the reference page has a row for every key, with default and range")
    func reference() throws {
        let page = RecipeSchema.reference()
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") }
        #expect(
            rows.contains {
                $0.hasPrefix("| `warmup` | a number of at least 0 and below 1 | `0.1` | Share of the steps")
            })
        #expect(rows.contains { $0.hasPrefix("| **`layers`** | a whole number from 1 to 96 |  | ") })
        #expect(
            rows.contains { $0.hasPrefix("| `micro_batch` | a whole number from 1 to 65536 | the value of `batch` | ") }
        )
        #expect(rows.contains { $0.hasPrefix("| `limit` | a whole number from 1 to 1000000000 | none | ") })
        #expect(page.contains("\n## `prune.feed_forward`\n"))
        #expect(page.contains("\n## `train.stages[]`\n") && page.contains("| `loss` | section, as `loss` | none |"))
        #expect(page.contains("\n- `train.micro_batch` divides `train.batch`.\n"))
        let lines = try TinyRecipe.parse().resolvedYAML().split(separator: "\n")
        for line in lines {
            let name = line.drop { $0 == " " }.prefix { $0 != ":" }
            #expect(rows.contains { $0.hasPrefix("| `\(name)` |") || $0.hasPrefix("| **`\(name)`** |") }, "\(name)")
        }
    }

    /// The schema of the key at `path`.
    private func property(_ path: String) throws -> [String: Any] {
        try path.split(separator: ".").reduce(root) { schema, name in
            let properties = try #require(Self.inside(schema)["properties"] as? [String: Any], "\(path)")
            return try #require(properties[String(name)] as? [String: Any], "\(path)")
        }
    }

    /// Of an optional key, the alternative that is not null.
    private static func inside(_ schema: [String: Any]) -> [String: Any] {
        (schema["anyOf"] as? [[String: Any]])?.last ?? schema
    }
}
