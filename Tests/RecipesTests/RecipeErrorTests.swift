import Files
import Foundation
import Recipes
import Testing

/// Text that replaces another in the tiny recipe, the error that it must give, and a part of its remedy.
struct Mistake: CustomTestStringConvertible {
    let old: String
    let new: String
    let headline: String
    var remedy = ""

    var testDescription: String { new.isEmpty ? "without \(old)" : new }
}

struct RecipeErrorTests {
    @Test("each kind of problem is reported once, with its line, column and remedy", arguments: mistakes)
    func report(_ mistake: Mistake) throws {
        let errors = TinyRecipe.errors(replacing: mistake.old, by: mistake.new)
        #expect(errors.map(\.headline) == [mistake.headline])
        #expect(mistake.remedy.isEmpty || (errors.first?.remedy ?? "").contains(mistake.remedy))
    }

    @Test("all problems are reported at once, in the order of the file, those of the command line last")
    func reportAll() {
        let text = TinyRecipe.text.replacing("schema: 1", with: "schema: 2").replacing("heads: 4", with: "heads: 5")
            .replacing("  test:", with: "  tset:")
        let errors = TinyRecipe.errors(
            in: text + "loss: {kl: {weight: -1}}\n", overrides: ["export=[onnx, onnx]", "x"])
        #expect(
            errors.map(\.headline) == [
                "tiny.yaml:1:9: schema: found the whole number 2; expected 1",
                "tiny.yaml:7:3: data.tset: unknown key 'tset'",
                "tiny.yaml:17:10: student.heads: 5 heads do not divide the hidden width 128",
                "tiny.yaml:19:21: loss.kl.weight: found the whole number -1; expected a number from 0 to 1000",
                "command line: export[1]: stands in the list twice",
                "command line: x: expected key.path=value",
            ])
    }

    @Test("an empty recipe lacks exactly the keys without a default")
    func empty() {
        let errors = TinyRecipe.errors(in: "# nothing\n")
        #expect(errors.map(\.field) == ["schema", "name", "task", "data", "student", "teacher"])
    }

    @Test(
        "hostile and broken texts are refused without a crash",
        arguments: [
            String(repeating: "[", count: 100_000), String(repeating: "- ", count: 50_000), "\u{0}", "a: \u{1}", "[",
            "- a",
            "word", "? [a, b]\n: c", "&a [*a]", "a: *b", "%YAML 9.9\n---\na: 1", String(repeating: "x", count: 1 << 19),
            "\u{FEFF}", "a: \"\\ud800\"", "{a: {a: {a: ", "'", "a: !!binary x", "!!set {a}", "<<: {schema: 1}",
        ])
    func hostile(_ text: String) {
        #expect(!TinyRecipe.errors(in: text).isEmpty)
        #expect(!TinyRecipe.errors(in: TinyRecipe.text, overrides: ["student=" + text]).isEmpty)
    }

    @Test("nested aliases are refused before they are expanded, as a value and as a key")
    func aliasBomb() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        text += "? *a40\n: 1\n"
        let problem = "found an anchor (&) and an alias (*); a recipe holds values only"
        #expect(TinyRecipe.errors(in: text).map(\.headline) == ["tiny.yaml:1:5: \(problem)"])
        #expect(TinyRecipe.errors(in: "\r\n" + text).map(\.headline) == ["tiny.yaml:2:5: \(problem)"])
    }

    @Test("a file that is missing, a directory, not text or too long is refused by name")
    func files() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "recipe-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: directory) } }
        func problem(_ name: String, _ data: Data?) throws -> String? {
            let url = directory.appending(path: name)
            try data?.write(to: url)
            let error = #expect(throws: InputErrors.self) { try Recipe.load(url) }
            #expect(error?.errors.first?.file == url.relativePath)
            return error?.errors.first?.problem
        }
        #expect(try problem("missing.yaml", nil) == "cannot read the recipe")
        #expect(try problem("", nil) == "cannot read the recipe")
        #expect(try problem("bytes.yaml", Data([0x61, 0xFF, 0xFE])) == "not UTF-8 text")
        #expect(try problem("long.yaml", Data(count: 1 << 20))?.hasPrefix("more than 262144 bytes") == true)
        try Data(TinyRecipe.text.utf8).write(to: directory.appending(path: "good.yaml"))
        #expect(try Recipe.load(directory.appending(path: "good.yaml")) == TinyRecipe.parse())
    }

    @Test("values keep their places, and errors about defaults point at the section")
    func places() throws {
        let recipe = try TinyRecipe.parse(
            "loss:\n  features: {pairs: [[1, 1], [2, 3]]}\n", overrides: ["train.epochs=1"])
        #expect(recipe.places.file == "tiny.yaml")
        let train = try #require(recipe.places["data.train"])
        #expect(train.file == "tiny.yaml" && train.line == 5 && train.column == 10)
        let layer = try #require(recipe.places["loss.features.pairs[1][0]"])
        #expect(layer.file == "tiny.yaml" && layer.line == 20 && layer.column == 31)
        let epochs = try #require(recipe.places["train.epochs"])
        #expect(epochs.file == "command line" && epochs.line == nil && epochs.column == nil)
        #expect(recipe.places["train.batch"] == nil)
        #expect(recipe.places.error(at: "data.label", problem: "p").headline == "tiny.yaml:4:1: data.label: p")
        #expect(recipe.places.error(at: "run.keep", problem: "p").headline == "tiny.yaml: run.keep: p")
    }

    static let mistakes = typeMistakes + rangeMistakes + combinationMistakes + syntaxMistakes

    private static let typeMistakes = [
        Mistake(
            old: "  layers: 2", new: "  layers: two",
            headline: "tiny.yaml:15:11: student.layers: found the text 'two'; expected a whole number from 1 to 96"),
        Mistake(
            old: "  layers: 2", new: "  layers: \"2\"",
            headline: "tiny.yaml:15:11: student.layers: found the text '2'; expected a whole number from 1 to 96",
            remedy: "remove the quotes"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2.0",
            headline: "tiny.yaml:15:11: student.layers: found the number 2.0; expected a whole number from 1 to 96"),
        Mistake(
            old: "  layers: 2", new: "  layers:",
            headline: "tiny.yaml:15:10: student.layers: found nothing; expected a whole number from 1 to 96"),
        Mistake(
            old: "  layers: 2", new: "  layers: [2]",
            headline: "tiny.yaml:15:11: student.layers: found a list; expected a whole number from 1 to 96"),
        Mistake(
            old: "name: tiny", new: "name: 12",
            headline:
                "tiny.yaml:2:7: name: found the whole number 12; expected a name of 1 to 64 letters, digits, '.', "
                + "'_' and '-', which starts with a letter or digit", remedy: "put it in quotes"),
        Mistake(
            old: "  train: train.csv", new: "  train: true",
            headline: "tiny.yaml:5:10: data.train: found true; expected a line of text", remedy: "put it in quotes"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntokenizer: {lowercase: yes}",
            headline: "tiny.yaml:3:24: tokenizer.lowercase: found the text 'yes'; expected true or false",
            remedy: "write true or false"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nexport: onnx",
            headline:
                "tiny.yaml:3:9: export: found the text 'onnx'; expected a list, each element one of onnx, onnx-float16, "
                + "onnx-fused, safetensors, safetensors-float16, safetensors-bfloat16, int4-g32, int4-g64, compressed-tensors, gguf, gguf-f16, gguf-q8_0, gguf-q4_0",
            remedy: "[onnx]"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nprune: all",
            headline:
                "tiny.yaml:3:8: prune: found the text 'all'; expected a section with the keys heads, layers, feed_forward, vocabulary"
        ),
        Mistake(
            old: "name: tiny", new: "name: tiny\nevaluate: {gates: {accuracy: 0.9}}",
            headline: "tiny.yaml:3:30: evaluate.gates.accuracy: found the number 0.9; expected a line of text",
            remedy: "quotes"),
    ]

    private static let rangeMistakes = [
        Mistake(
            old: "name: tiny", new: "name: tiny\ndata: {max_length: 3}",
            headline: "tiny.yaml:3:1: data: the key stands more than once in the same section"),
        Mistake(
            old: "  layers: 2", new: "  layers: 123456789012345678901234567890",
            headline:
                "tiny.yaml:15:11: student.layers: found the whole number 123456789012345678901234567890; expected a "
                + "whole number from 1 to 96"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntrain: {warmup: 1}",
            headline:
                "tiny.yaml:3:17: train.warmup: found the whole number 1; expected a number of at least 0 and below 1"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntrain: {learning_rate: 1e999}",
            headline:
                "tiny.yaml:3:24: train.learning_rate: found the number 1e999; expected a number above 0 and at most 1"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntrain: {clip: .nan}",
            headline: "tiny.yaml:3:15: train.clip: found the text '.nan'; expected a number from 0 to 1000000"),
        Mistake(
            old: "name: tiny", new: "name: ../tiny",
            headline:
                "tiny.yaml:2:7: name: found the text '../tiny'; expected a name of 1 to 64 letters, digits, '.', '_' "
                + "and '-', which starts with a letter or digit"),
        Mistake(
            old: "test.csv", new: "\"\"",
            headline: "tiny.yaml:7:9: data.test: found the text ''; expected a line of text"),
        Mistake(
            old: "test.csv", new: "\"a\\0b\"",
            headline: "tiny.yaml:7:9: data.test: found the text 'a b'; expected a line of text"
        ),
        Mistake(
            old: "task: classification", new: "task: ranking",
            headline:
                "tiny.yaml:3:7: task: found the text 'ranking'; expected one of classification, regression, embedding, language-model",
            remedy: ""),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntrain: {schedule: liner}",
            headline:
                "tiny.yaml:3:19: train.schedule: found the text 'liner'; expected one of constant, linear, cosine",
            remedy: "did you mean 'linear'?"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nexport: []",
            headline: "tiny.yaml:3:9: export: found a list of 0; expected 1 to 13 elements"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {features: {pairs: [[1]]}}",
            headline: "tiny.yaml:3:27: loss.features.pairs[0]: found a list of 1; expected 2 elements"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nevaluate: {gates: {Top-1: \"> 0\"}}",
            headline:
                "tiny.yaml:3:20: evaluate.gates: found the name 'Top-1'; expected a name of 1 to 64 small letters, "
                + "digits and '_', which starts with a letter"),
        Mistake(
            old: "  test: test.csv\n", new: "",
            headline: "tiny.yaml:4:1: data.test: missing; expected a line of text", remedy: "the report is made from"),
        Mistake(
            old: "    heads: 6\n", new: "",
            headline: "tiny.yaml:9:3: teacher.train.heads: missing; expected a whole number from 1 to 128"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntemperature: 2",
            headline: "tiny.yaml:3:1: temperature: unknown key 'temperature'",
            remedy: "did you mean 'loss.kl.temperature'?"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nzzzzzzzzzz: 2",
            headline: "tiny.yaml:3:1: zzzzzzzzzz: unknown key 'zzzzzzzzzz'",
            remedy: "has the keys schema, name"),
    ]

    private static let combinationMistakes = [
        Mistake(
            old: "heads: 6", new: "heads: 7",
            headline: "tiny.yaml:12:12: teacher.train.heads: 7 heads do not divide the hidden width 192",
            remedy: "6 heads"),
        Mistake(
            old: "teacher:", new: "teacher:\n  model: m",
            headline: "tiny.yaml:9:10: teacher.model: found both model and train; expected one of them"),
        Mistake(
            old: "teacher:\n  train:\n    layers: 3\n    hidden: 192\n    heads: 6\n    feed_forward: 768\n", new: "",
            headline: "tiny.yaml: teacher: there is no teacher; expected one of model, train", remedy: "add model"),
        Mistake(
            old: "task:", new: "loss: {cross_entropy: 1, cross_entropy_end: 0, kl: {weight: 1, weight_end: 0}}\ntask:",
            headline:
                "tiny.yaml:3:1: loss: all weights become 0, so that there is nothing left to learn in the last step",
            remedy: "end above 0"),
        Mistake(
            old: "task:", new: "train: {early_stopping: {patience: 0}}\ntask:",
            headline:
                "tiny.yaml:3:36: train.early_stopping.patience: found the whole number 0; expected a whole number "
                + "from 1 to 1000000"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {cross_entropy: 0, kl: {weight: 0}}",
            headline: "tiny.yaml:3:1: loss: all weights are 0, so there is nothing to learn"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {features: {pairs: [[1, 1], [3, 3]]}}",
            headline: "tiny.yaml:3:36: loss.features.pairs[1][0]: layer 3 of a student with 2 layers"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {features: {pairs: [[0, 0], [2, 4]]}}",
            headline: "tiny.yaml:3:39: loss.features.pairs[1][1]: layer 4 of a teacher with 3 layers"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {features: {pairs: [[0, 0], [0, 0]]}}",
            headline: "tiny.yaml:3:35: loss.features.pairs[1]: stands in the list twice"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {kl: {divergence: reverse_kl, beta: 0.5}}",
            headline: "tiny.yaml:3:43: loss.kl.beta: reverse_kl has no beta", remedy: "divergence: jsd"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {kl: {divergence: jsd, beta: 1}}",
            headline: "tiny.yaml:3:36: loss.kl.beta: found the whole number 1; expected a number above 0 and below 1"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {relations: {student_layer: 3, teacher_layer: 3, heads: 8}}",
            headline: "tiny.yaml:3:35: loss.relations.student_layer: layer 3 of a student with 2 layers",
            remedy: "from 1 to 2"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {relations: {student_layer: 2, teacher_layer: 4, heads: 8}}",
            headline: "tiny.yaml:3:53: loss.relations.teacher_layer: layer 4 of a teacher with 3 layers"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {relations: {student_layer: 2, teacher_layer: 3, heads: 12}}",
            headline: "tiny.yaml:3:63: loss.relations.heads: 12 heads do not divide the student's width 128",
            remedy: "both widths"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {relations: {student_layer: 2, teacher_layer: 3, heads: 128}}",
            headline: "tiny.yaml:3:63: loss.relations.heads: 128 heads do not divide the teacher's width 192"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {attention: {pairs: [[1, 1]]}}",
            headline:
                "tiny.yaml:3:27: loss.attention.pairs: the student has 4 heads and the teacher 6; their attention maps are "
                + "compared head by head", remedy: "loss.relations"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nloss: {attention: {pairs: [[0, 1]]}}",
            headline:
                "tiny.yaml:3:29: loss.attention.pairs[0][0]: found the whole number 0; expected a whole number from 1 to 96"
        ),
        Mistake(
            old: "    heads: 6\n    feed_forward: 768\n",
            new: "    heads: 4\n    feed_forward: 768\nloss: {attention: {pairs: [[2, 4]]}}\n",
            headline: "tiny.yaml:14:32: loss.attention.pairs[0][1]: layer 4 of a teacher with 3 layers",
            remedy: "from 1 to 3"),
        Mistake(
            old: "name: tiny", new: "name: tiny\ntrain: {batch: 32, micro_batch: 12}",
            headline: "tiny.yaml:3:33: train.micro_batch: 12 does not divide the batch of 32", remedy: "use 8"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nprune: {layers: {keep: 2}}",
            headline: "tiny.yaml:3:24: prune.layers.keep: 2 layers are to stay of 2", remedy: "fewer"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nprune: {heads: {criterion: taylor, against: own_outputs}}",
            headline:
                "tiny.yaml:3:28: prune.heads.criterion: taylor needs labels: against the model's own outputs the loss has "
                + "no first-order change", remedy: "fisher"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nprune: {heads: {min_heads: 0}}\nquantize: {}",
            headline: "tiny.yaml:3:28: prune.heads.min_heads: found 0, but the int8 form has every part of every layer",
            remedy: "use 1"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nquantize: {smoothing: 0.5}\nexport: [onnx, compressed-tensors]",
            headline: "tiny.yaml:4:9: export: compressed-tensors has no place for the factors of quantize.smoothing",
            remedy: "quantize.smoothing=0"),
        Mistake(
            old: "name: tiny", new: "name: tiny\nprune: {heads: {min_heads: 5}}",
            headline: "tiny.yaml:3:28: prune.heads.min_heads: 5 heads are to stay in layers of 4"),
        Mistake(
            old: "test.csv", new: "test.csv\n  label: text",
            headline: "tiny.yaml:8:10: data.label: the column 'text' is also the text column"),
        Mistake(
            old: "  layers: 2\n  hidden: 128\n  heads: 4\n  feed_forward: 512",
            new: "  layers: 4\n  hidden: 192\n  heads: 6\n  feed_forward: 768\n  initialize: teacher_layers",
            headline: "tiny.yaml:15:11: student.layers: 4, but layers of a teacher with 3 are to be copied"),
        Mistake(
            old: "  hidden: 128\n  heads: 4\n  feed_forward: 512",
            new: "  hidden: 96\n  heads: 6\n  feed_forward: 768\n  initialize: teacher_layers",
            headline: "tiny.yaml:17:10: student.heads: heads of width 16, but the teacher's are 32 wide",
            remedy: "multiple of 32"),
        Mistake(
            old: "  hidden: 128\n  heads: 4\n  feed_forward: 512",
            new: "  hidden: 192\n  heads: 6\n  feed_forward: 800\n  initialize: teacher_layers",
            headline: "tiny.yaml:18:17: student.feed_forward: 800, but layers of a teacher with 768 are to be copied",
            remedy: "at most 768"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2\n  initialize: teacher_layers\n  teacher_layers: [1, 4]",
            headline: "tiny.yaml:17:19: student.teacher_layers: layer 4 of a teacher with 3 layers"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2\n  initialize: teacher_layers\n  teacher_layers: [3]",
            headline: "tiny.yaml:17:19: student.teacher_layers: 1 layers for a student of 2"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2\n  teacher_layers: [1, 3]",
            headline: "tiny.yaml:16:19: student.teacher_layers: no layers of the teacher are to be copied"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2\n  initialize: checkpoint",
            headline: "tiny.yaml:16:15: student.initialize: there is no student.checkpoint to begin with"),
        Mistake(
            old: "  layers: 2", new: "  layers: 2\n  checkpoint: m",
            headline: "tiny.yaml:16:15: student.checkpoint: the student does not begin with a checkpoint"),
        Mistake(
            old: "task:", new: "train: {stages: [{epochs: 1}, {learning_rate: 0.1}]}\ntask:",
            headline: "tiny.yaml:3:31: train.stages[1].epochs: missing; expected a whole number from 1 to 10000"),
        Mistake(
            old: "task:", new: "train: {stages: [{epochs: 1, loss: {kl: {beta: 0.5}}}]}\ntask:",
            headline: "tiny.yaml:3:48: train.stages[0].loss.kl.beta: forward_kl has no beta"),
        Mistake(
            old: "task:", new: "train: {stages: [{epochs: 1, loss: {features: {pairs: [[3, 1]]}}}]}\ntask:",
            headline: "tiny.yaml:3:57: train.stages[0].loss.features.pairs[0][0]: layer 3 of a student with 2 layers"),
        Mistake(
            old: "task:", new: "adapt: {epochs: 1}\ntask:",
            headline: "tiny.yaml:3:1: adapt.train: missing; expected a line of text"),
    ]

    private static let syntaxMistakes = [
        Mistake(
            old: "  layers: 2", new: "\tlayers: 2",
            headline:
                "tiny.yaml:15:1: not valid YAML: while scanning for the next token: found character that cannot start "
                + "any token", remedy: "spaces, not tabs"),
        Mistake(
            old: "name: tiny", new: "evaluate:\n  gates:\n    accuracy: >= 0.9\nname: tiny",
            headline:
                "tiny.yaml:4:16: not valid YAML: while scanning a block scalar: did not find expected comment or line "
                + "break", remedy: "in quotes"),
        Mistake(
            old: "name: tiny", new: "name: tiny\n---\nname: b",
            headline:
                "tiny.yaml:3:1: not valid YAML: expected a single document in the stream: but found another document",
            remedy: "one recipe"),
        Mistake(
            old: "name: tiny", new: "name: [tiny",
            headline: "tiny.yaml:3:5: not valid YAML: while parsing a flow sequence: did not find expected ',' or ']'",
            remedy: "brackets"),
        Mistake(
            old: "name: tiny", new: "name: tiny\n? [a]\n: 1",
            headline: "tiny.yaml:3:3: found a list or a map as a key; expected a name"),
        Mistake(
            old: "name: tiny", new: "name: ti\u{1}ny",
            headline: "tiny.yaml:2:9: not valid YAML: control characters are not allowed", remedy: "UTF-8"),
    ]
}
