import Files
import Foundation
import Recipes
import Testing

struct RecipeFormatTests {
    @Test("what a recipe leaves out has the documented defaults")
    func defaults() throws {
        let recipe = try TinyRecipe.parse()
        #expect(recipe.data.train == "train.csv")
        #expect(recipe.data.maxLength == 64)
        #expect(recipe.data.limit == nil)
        #expect(recipe.teacher.train?.dropout == 0.1)
        #expect(recipe.student.feedForward == 512)
        #expect(recipe.loss.kl.temperature == 2)
        #expect(recipe.loss.features == nil)
        #expect(recipe.train.microBatch == 32)
        #expect(recipe.train.ema == nil && recipe.train.earlyStopping == nil && recipe.train.maxSkipped == 20)
        #expect(recipe.prune == nil)
        #expect(recipe.quantize == nil)
        #expect(recipe.export == [.onnx, .safetensors])
        #expect(recipe.evaluate.gates.isEmpty)
        let widened = try TinyRecipe.parse("train: {batch: 8}\nquantize:\nprune: {}\n")
        #expect(widened.train.microBatch == 8)
        #expect(widened.quantize == nil)
        let watched = try TinyRecipe.parse("train: {early_stopping: {every: 7}}\n").train.earlyStopping
        #expect(watched?.metric == .loss && watched?.every == 7 && watched?.patience == 3 && watched?.minDelta == 0)
        #expect(widened.prune?.heads.keep == 0.6)
    }

    @Test("the resolved recipe reads back as an equal recipe, and resolves to itself")
    func resolvedRoundTrip() throws {
        let awkward = [
            "a: b # c", "null", "1e3", "é 中 🙂", "it's \"so\"", " spaces ", "C:\\x", "- x", "true", "~",
            "\u{85}x\u{2028}",
        ]
        var recipes = [try TinyRecipe.parse()] + BuiltInRecipes.all.compactMap { try? Recipe.parse($0.text) }
        for text in awkward {
            var recipe = try TinyRecipe.parse(overrides: [
                "quantize={}", "prune.feed_forward={}", "data.limit=7", "loss.features.pairs=[[1, 3]]",
            ])
            recipe.data.text = text
            recipe.teacher.train = nil
            recipe.teacher.model = text
            recipe.seed = UInt64(Int.max)
            recipe.train.learningRate = 1.0 / 3
            recipe.loss.features?.weight = 1e-7
            recipe.evaluate.gates = [
                .init(metric: "z", condition: ">= 0.99*teacher"), .init(metric: "null", condition: "> 1"),
            ]
            recipes.append(recipe)
        }
        #expect(recipes.count == 1 + BuiltInRecipes.all.count + awkward.count)
        for recipe in recipes {
            let text = recipe.resolvedYAML()
            let again = try Recipe.parse(text)
            #expect(again == recipe)
            #expect(again.resolvedYAML() == text)
            #expect(again.digest == recipe.digest)
        }
    }

    @Test("the resolved recipe has every key in the documented order")
    func resolvedText() throws {
        let lines = try TinyRecipe.parse(overrides: ["evaluate.gates.ece=< 0.1"]).resolvedYAML().split(separator: "\n")
        #expect(
            lines.prefix(6) == [
                "schema: 1", "name: tiny", "seed: 42", "task: classification", "data:", "  train: train.csv",
            ])
        #expect(lines.contains("  learning_rate: 0.0005"))
        #expect(lines.contains("prune: null"))
        #expect(lines.contains("    ece: \"< 0.1\""))
        #expect(
            lines.suffix(5) == ["run:", "  directory: runs", "  checkpoint_every: 100", "  keep: 3", "  log: [jsonl]"])
    }

    @Test("equality and digest see values, not the way they are written")
    func equality() throws {
        let a = try TinyRecipe.parse("train: {epochs: 4, warmup: 0.10}\n")
        #expect(try a == TinyRecipe.parse())
        #expect(try a.digest == TinyRecipe.parse().digest)
        let b = try TinyRecipe.parse("seed: 43\n")
        #expect(a != b)
        #expect(a.digest != b.digest)
    }

    @Test("leaving out any required key, or misspelling any key, gives one error that names it")
    func everyKey() throws {
        var full = try TinyRecipe.parse(
            "prune: {feed_forward: {}}\nquantize: {}\nloss: {features: {pairs: [[1, 1]]}}\n",
            overrides: ["data.limit=9"])
        full.evaluate.gates = []
        let lines = full.resolvedYAML().split(separator: "\n").map(String.init).filter { $0 != "  model: null" }
        var keys = 0
        var required: [String] = []
        for (number, line) in lines.enumerated() {
            let key = line.trimmingCharacters(in: .whitespaces).prefix { $0 != ":" }
            let isSection = line.hasSuffix(":")
            var misspelt = lines
            misspelt[number] = line.replacing(key, with: "\(key)x", maxReplacements: 1)
            let errors = TinyRecipe.errors(in: misspelt.joined(separator: "\n"))
            let unknown = errors.filter { $0.problem == "unknown key '\(key)x'" }
            #expect(unknown.count == 1, "\(line)")
            #expect(unknown.first?.line == number + 1)
            #expect(unknown.first?.remedy == "did you mean '\(key)'?", "\(line)")
            keys += 1
            if isSection { continue }
            var shortened = lines
            shortened.remove(at: number)
            let missing = TinyRecipe.errors(in: shortened.joined(separator: "\n"))
            if !missing.isEmpty {
                #expect(missing.count == 1 && missing[0].problem.hasPrefix("missing;"))
                #expect(missing.first?.field?.hasSuffix(key) == true)
                required.append(missing.first?.field ?? "")
            }
        }
        #expect(keys == lines.count && keys > 70)
        #expect(
            required == [
                "schema", "name", "task", "data.train", "data.validation", "data.test", "teacher.train.layers",
                "teacher.train.hidden", "teacher.train.heads", "teacher.train.feed_forward", "student.layers",
                "loss.features.pairs",
            ])
    }

    @Test("every built-in recipe is a file of the recipes folder, named and described in its first line, and valid")
    func builtIn() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../recipes").standardized
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        #expect(Set(files) == Set(BuiltInRecipes.all.map { "\($0.name).yaml" }))
        for builtIn in BuiltInRecipes.all {
            let recipe = try Recipe.parse(builtIn.text, file: builtIn.name)
            #expect(recipe.name == builtIn.name)
            #expect(!builtIn.summary.isEmpty && !builtIn.summary.contains("\n"))
            #expect(try recipe == Recipe.load(folder.appending(path: "\(builtIn.name).yaml")))
        }
    }
}
