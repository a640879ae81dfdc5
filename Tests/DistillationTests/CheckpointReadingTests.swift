import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

/// What a published checkpoint may lack, hold twice, or claim.
@Suite("Published checkpoints that do not fit")
struct CheckpointReadingTests {
    /// A copy of a golden checkpoint, changed and given to `check`.
    private func with(
        _ name: String, weights: (inout Safetensors) throws -> Void = { _ in },
        files: [String: (inout String) -> Void] = [:], check: (URL) throws -> Void
    ) throws {
        let golden = try GoldenEncoders(name)
        try withDirectory { directory in
            let copy = directory.appendingPathComponent("model", isDirectory: true)
            try FileManager.default.copyItem(at: golden.directory, to: copy)
            var file = try Safetensors(reading: golden.directory.appendingPathComponent("model.safetensors"))
            try weights(&file)
            try file.write(to: copy.appendingPathComponent("model.safetensors"))
            for (path, change) in files {
                let url = copy.appendingPathComponent(path)
                var text = try String(contentsOf: url, encoding: .utf8)
                change(&text)
                try Data(text.utf8).write(to: url)
            }
            try check(copy)
        }
    }

    private func errors(_ directory: URL) throws -> [InputError] {
        do {
            _ = try ModelDirectory.readEncoder(directory)
            return []
        } catch let several as InputErrors {
            return several.errors
        } catch let error as InputError {
            return [error]
        }
    }

    private func makeBare(_ text: inout String) {
        text.replace(/(Bert|Roberta|DistilBert)For\w+"/) { "\($0.output.1)Model\"" }
    }

    @Test(
        "a checkpoint without a head is refused with the names of what is missing, and the way out",
        arguments: [
            ("bert-classification", "classifier.weight"), ("roberta-classification", "classifier.out_proj.weight"),
        ])
    func noHead(_ name: String, _ missing: String) throws {
        try with(
            name, weights: { $0.tensors.removeAll { $0.name.hasPrefix("classifier") } },
            check: { directory in
                let found = try errors(directory)
                #expect(found.contains { $0.field == missing && $0.problem.contains("missing, expected shape [3, 8]") })
                #expect(found.allSatisfy { $0.remedy?.contains("teacher.fine_tune") == true })
            })
        try with(name, files: ["config.json": makeBare]) { directory in
            let found = try errors(directory)
            #expect(found.first?.field == missing && found.first?.problem.contains("[classes, 8]") == true)
            #expect(found.last?.remedy?.contains("modules.json") == true)
        }
    }

    @Test(
        "a fresh head where one is allowed: the layers stay, the classifier follows the key",
        arguments: GoldenEncoders.names)
    func freshHead(_ name: String) throws {
        let golden = try GoldenEncoders(name)
        func read(_ key: UInt64) throws -> Encoder {
            try ModelDirectory.readEncoder(
                golden.directory, allowingMissingHead: ["a", "b", "c", "d"], key: RandomKey(key))
        }
        if name.hasSuffix("classification") || name.hasSuffix("regression") {
            // It has a head, which is for other classes.
            #expect(throws: InputError.self) { try read(1) }
            return
        }
        let (one, again, other) = (try read(1), try read(1), try read(2))
        #expect(one.configuration.head == .classification && one.configuration.labels == ["a", "b", "c", "d"])
        let classifier = try #require(one.classifier)
        #expect(classifier.weight.value.values == again.classifier?.weight.value.values)
        #expect(classifier.weight.value.values != other.classifier?.weight.value.values)
        #expect(classifier.bias?.value.values == [0, 0, 0, 0])
        #expect(one.pooler.map { $0.weight.value.sumOfSquares > 0 } == true)
        #expect(try one.logits(of: [[3, 4], [5]]).count == 8)
        let plain = try ModelDirectory.readEncoder(golden.directory)
        #expect(one.layers[0].query.weight.value.values == plain.layers[0].query.weight.value.values)
    }

    @Test("a classifier that is there stays, if it has as many classes")
    func keptHead() throws {
        let golden = try GoldenEncoders("roberta-classification")
        let encoder = try ModelDirectory.readEncoder(golden.directory, allowingMissingHead: ["a", "b", "c"])
        let plain = try ModelDirectory.readEncoder(golden.directory)
        #expect(encoder.configuration == plain.configuration)
        #expect(encoder.classifier?.weight.value.values == plain.classifier?.weight.value.values)
    }

    @Test("the pooler of a bare BERT is kept under a fresh classifier")
    func keptPooler() throws {
        let golden = try GoldenEncoders("bert-embedding")
        let encoder = try ModelDirectory.readEncoder(golden.directory, allowingMissingHead: ["a", "b"])
        let stored = try StoredWeights(directory: golden.directory).tensors["pooler.dense.weight"]
        #expect(try encoder.pooler?.weight.value.values == stored?.float32())
    }

    @Test(
        "an output embedding that is stored as well must be the table of words",
        arguments: ["bert-masked", "distilbert-masked"])
    func tied(_ name: String) throws {
        let prefix = name.hasPrefix("bert") ? "bert" : "distilbert"
        let copy = name.hasPrefix("bert") ? "cls.predictions.decoder.weight" : "vocab_projector.weight"
        try with(
            name,
            weights: { file in
                let words = try #require(file["\(prefix).embeddings.word_embeddings.weight"])
                file.tensors.append((copy, words))
            },
            check: { try #expect(errors($0).isEmpty) })
        try with(
            name,
            weights: { file in
                let words = try #require(file["\(prefix).embeddings.word_embeddings.weight"])
                var values = try words.float32()
                values[5] += 1
                file.tensors.append((copy, .float32(shape: words.shape, values)))
            },
            check: { try #expect(errors($0).map(\.field) == [copy]) })
    }

    @Test("a vocabulary's bias may go by its decoder's name")
    func decoderBias() throws {
        try with(
            "bert-masked",
            weights: { file in
                let index = try #require(file.tensors.firstIndex { $0.name == "cls.predictions.bias" })
                file.tensors[index].name = "cls.predictions.decoder.bias"
            },
            check: { try #expect(errors($0).isEmpty) })
    }

    @Test("names of old conversions: gamma and beta, and a checkpoint of BERT without its prefix")
    func oldNames() throws {
        try with(
            "bert-classification",
            weights: { file in
                file.tensors = file.tensors.map { name, tensor in
                    var name = name
                    name.replace("LayerNorm.weight", with: "LayerNorm.gamma")
                    name.replace("LayerNorm.bias", with: "LayerNorm.beta")
                    return (name, tensor)
                }
            },
            check: { try #expect(errors($0).isEmpty) })
    }

    @Test("weights of another model: every tensor that is missing or surplus is named")
    func otherModel() throws {
        try with("distilbert-classification", files: ["config.json": { $0.replace("distilbert", with: "bert") }]) {
            try #expect(errors($0).contains { $0.field == "hidden_size" })
        }
        try with("bert-masked", files: ["config.json": { $0.replace("MaskedLM", with: "SequenceClassification") }]) {
            let found = Set(try errors($0).map { "\($0.field ?? "") \($0.problem.prefix(7))" })
            #expect(found.isSuperset(of: ["classifier.weight missing", "cls.predictions.bias surplus"]))
        }
    }

    @Test("quantized weights of other tools are refused by their section")
    func quantized() throws {
        try with(
            "bert-classification",
            files: [
                "config.json": {
                    $0.replace("{\n", with: "{\n\"quantization_config\": {\"bits\": 4},\n", maxReplacements: 1)
                }
            ]
        ) {
            try #expect(errors($0).map(\.field) == ["quantization_config"])
        }
    }

    @Test("modules that are not computed here are refused by name")
    func modules() throws {
        func problem(_ path: String, _ change: @escaping (inout String) -> Void) throws -> String {
            var text = ""
            try with("bert-embedding", files: [path: change]) { text = try errors($0).map(\.description).joined() }
            return text
        }
        let list = "modules.json"
        #expect(try problem(list) { $0.replace("models.Normalize", with: "models.Dense") }.contains("Pooling, Dense"))
        #expect(try problem(list) { $0.replace("models.Pooling", with: "models.CNN") }.contains("CNN"))
        #expect(try problem(list) { $0.replace("1_Pooling", with: "../1_Pooling") }.contains("beside modules.json"))
        #expect(
            try problem(list) { $0.replace("\"path\": \"\"", with: "\"path\": \"0_Transformer\"") }.contains(
                "0_Transformer"))
        #expect(try problem(list) { $0 = "{}" }.contains("not a list of modules"))
        #expect(try problem(list) { $0 = String($0.dropLast(9)) }.contains("not a list of modules"))
        #expect(try problem(list) { $0.replace("1_Pooling", with: "2_Pooling") }.contains("cannot be read"))
        let pooling = "1_Pooling/config.json"
        #expect(try problem(pooling) { $0.replace("true", with: "false") }.contains("found none"))
        #expect(try problem(pooling) { $0.replace("false", with: "true") }.contains("and"))
        #expect(try problem(pooling) { $0.replace("mean_tokens", with: "lasttoken") }.contains("found lasttoken"))
        #expect(try problem(pooling) { $0.replace(": 8", with: ": 9") }.contains("the model is 8 wide"))
        #expect(
            try problem("sentence_bert_config.json") { $0.replace("false", with: "true") }.contains("do_lower_case"))
    }

    @Test("a text is no longer than the embedding was published for")
    func textLimit() throws {
        let encoder = try ModelDirectory.readEncoder(GoldenEncoders("bert-embedding").directory)
        #expect(encoder.configuration.maximumPositions == 9 && encoder.configuration.longestText == 8)
    }

    @Test("heads that were pruned before publication: the weights must have the rest's shape")
    func prunedHeads() throws {
        let pruned: (inout String) -> Void = {
            $0.replace("{\n", with: "{\n\"pruned_heads\": {\"1\": [0]},\n", maxReplacements: 1)
        }
        try with("bert-classification", files: ["config.json": pruned]) { directory in
            let fields = try errors(directory).compactMap(\.field)
            #expect(fields.contains("bert.encoder.layer.1.attention.self.query.weight"))
            #expect(fields.allSatisfy { $0.contains("layer.1.attention") })
        }
        try with(
            "bert-classification",
            weights: { file in
                for name in ["query", "key", "value"] {
                    let place = "bert.encoder.layer.1.attention.self.\(name)"
                    let (weight, bias) = (try #require(file[place + ".weight"]), try #require(file[place + ".bias"]))
                    file.tensors.removeAll { $0.name.hasPrefix(place) }
                    file.tensors.append(
                        (place + ".weight", .float32(shape: [4, 8], Array(try weight.float32()[32...]))))
                    file.tensors.append((place + ".bias", .float32(shape: [4], Array(try bias.float32()[4...]))))
                }
                let place = "bert.encoder.layer.1.attention.output.dense.weight"
                let output = try #require(file[place]).float32()
                file.tensors.removeAll { $0.name == place }
                let columns = (0..<8).flatMap { row in output[row * 8 + 4..<row * 8 + 8] }
                file.tensors.append((place, .float32(shape: [8, 4], columns)))
            }, files: ["config.json": pruned],
            check: { directory in
                let encoder = try ModelDirectory.readEncoder(directory)
                #expect(encoder.configuration.heads == [2, 1])
                #expect(encoder.layers[1].query.weight.value.shape == [4, 8])
            })
    }
}
