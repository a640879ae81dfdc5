import Files
import Recipes
import Testing

struct OverrideTests {
    @Test("overrides take the type that the schema gives, and the later one wins")
    func types() throws {
        let recipe = try TinyRecipe.parse(overrides: [
            "train.epochs=1", "train.epochs=2", "train.learning_rate=3e-4", "train.baseline=false", "export=[onnx]",
            "name=2024", "data.train=a b: #c.csv", "data.test=\"q=1.csv\"", "data.limit=500", "task=classification",
            "loss.features={pairs: [[1, 2]]}", "evaluate.gates.accuracy=>= 0.9*teacher", "prune.heads.keep=0.5",
        ])
        #expect(recipe.train.epochs == 2)
        #expect(recipe.train.learningRate == 3e-4)
        #expect(recipe.train.baseline == false)
        #expect(recipe.export == [.onnx])
        #expect(recipe.name == "2024")
        #expect(recipe.data.train == "a b: #c.csv")
        #expect(recipe.data.test == "q=1.csv")
        #expect(recipe.data.limit == 500)
        #expect(recipe.loss.features?.pairs == [.init(student: 1, teacher: 2)])
        #expect(recipe.evaluate.gates == [.init(metric: "accuracy", condition: ">= 0.9*teacher")])
        #expect(recipe.prune?.heads.keep == 0.5)
        #expect(recipe.prune?.feedForward == nil)
    }

    @Test("null takes an optional section or value away; a later override brings the section back")
    func null() throws {
        let sections = "prune: {heads: {keep: 0.5}}\nquantize: {method: ptq}\n"
        let without = try TinyRecipe.parse(sections, overrides: ["prune=null", "quantize=null", "data.limit="])
        #expect(without.prune == nil)
        #expect(without.quantize == nil)
        #expect(without.data.limit == nil)
        #expect(try TinyRecipe.parse("train: {epochs: 9}\n", overrides: ["train=null"]).train.epochs == 4)
        let back = try TinyRecipe.parse(sections, overrides: ["prune=null", "prune.heads.rounds=1"])
        #expect(back.prune?.heads.rounds == 1)
        #expect(back.prune?.heads.keep == 0.6)
        let ready = try TinyRecipe.parse(overrides: ["teacher.train=null", "teacher.model=models/teacher"])
        #expect(ready.teacher.model == "models/teacher")
        #expect(ready.teacher.train == nil)
    }

    @Test("values next to an override keep their file and line")
    func places() throws {
        let recipe = try TinyRecipe.parse(overrides: ["data.train=other.csv"])
        #expect(recipe.places["data.train"]?.file == "command line")
        #expect(recipe.places["data.test"]?.line == 7)
    }

    @Test(
        "a wrong override names itself, what is wrong, and the way out",
        arguments: [
            ("train.epoch=2", "command line: train.epoch: no such key", "did you mean 'train.epochs'?"),
            ("temperature=2", "command line: temperature: no such key", "did you mean 'loss.kl.temperature'?"),
            (
                "qqqqqqqqqqqqqqq=2", "command line: qqqqqqqqqqqqqqq: no such key",
                "see the recipe reference for all keys"
            ),
            ("train.epochs.x=2", "command line: train.epochs.x: no such key", "did you mean 'train.epochs'?"),
            ("train..epochs=2", "command line: train..epochs: no such key", "did you mean 'train.epochs'?"),
            ("=2", "command line: no such key", "see the recipe reference for all keys"),
            ("train.epochs", "command line: train.epochs: expected key.path=value", "for example train.epochs=2"),
            (
                "train.epochs=many",
                "command line: train.epochs: found the text 'many'; expected a whole number from 1 to 10000", nil
            ),
            (
                "train.epochs=1+1",
                "command line: train.epochs: found the text '1+1'; expected a whole number from 1 to 10000", nil
            ),
            (
                "export=onnx",
                "command line: export: found the text 'onnx'; expected a list, each element one of onnx, onnx-float16, "
                    + "onnx-fused, safetensors, safetensors-float16, safetensors-bfloat16, int4-g32, int4-g64, compressed-tensors, gguf, gguf-f16, gguf-q8_0, gguf-q4_0",
                "write it in brackets: [onnx]"
            ),
            (
                "export=[onnx",
                "command line: export: '[onnx': not valid YAML: while parsing a flow sequence: did not find expected ',' or "
                    + "']'", "check the indentation, the brackets and the quotes around this place"
            ),
            (
                "student=null",
                "command line: student: found nothing; expected a section with the keys layers, hidden, heads, key_heads, "
                    + "feed_forward, dropout, initialize, teacher_layers, checkpoint", nil
            ),
            (
                "data.limit=0",
                "command line: data.limit: found the whole number 0; expected a whole number from 1 to 1000000000", nil
            ),
            (
                "student.heads=5", "command line: student.heads: 5 heads do not divide the hidden width 128",
                "use 4 heads, or a width that is a multiple of 5"
            ),
            (
                "student={layers: 2, hiden: 8, heads: 4, feed_forward: 8}",
                "command line: student.hiden: unknown key 'hiden'",
                "did you mean 'hidden'?"
            ),
        ] as [(String, String, String?)])
    func wrong(_ argument: String, _ headline: String, _ remedy: String?) {
        let errors = TinyRecipe.errors(in: TinyRecipe.text, overrides: [argument])
        #expect(errors.map(\.headline) == [headline])
        #expect(errors.first?.remedy == remedy)
    }
}
