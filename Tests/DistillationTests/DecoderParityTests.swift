import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Against transformers in double precision. Two layers of width 16 add up a few hundred products of numbers near 1, each
/// rounded at 6e-8; 2e-5 leaves room for an order of magnitude more.
@Suite("Published decoders give what the reference gives")
struct DecoderParityTests {
    @Test("hidden states and logits within 2e-5", arguments: GoldenDecoderModel.names)
    func forward(name: String) throws {
        let golden = try GoldenDecoderModel.read(name)
        let decoder = try DecoderDirectory.read(GoldenDecoderModel.url(name))
        let batch = PackedBatch(golden.sequences, samples: Array(golden.sequences.indices))
        let output = decoder.forward(batch, on: Tape(recording: false), capturing: true)
        let states = output.states.dropLast().map(\.value) + [output.hidden.value]
        #expect(states.count == golden.hiddenStates.count)
        for (state, expected) in zip(states, golden.hiddenStates) {
            #expect(largestDifference(state, expected.tensor) < 2e-5)
        }
        #expect(largestDifference(decoder.logits(batch), golden.logits.tensor) < 2e-5)
    }

    @Test("gradients of all weights within 1e-4 of their largest", arguments: GoldenDecoderModel.names)
    func backward(name: String) throws {
        let golden = try GoldenDecoderModel.read(name)
        let decoder = try DecoderDirectory.read(GoldenDecoderModel.url(name))
        let batch = PackedBatch(golden.sequences, samples: Array(golden.sequences.indices))
        let tape = Tape()
        let hidden = decoder.forward(batch, on: tape).hidden
        let logits = tape.linear(hidden, weight: decoder.vocabularyTable.on(tape), bias: nil)
        tape.backward(from: logits, seed: golden.seed.tensor)
        // The gradients take the way of the weights: written as a checkpoint, they bear the published names.
        for parameter in decoder.parameters { parameter.value = parameter.gradient.value }
        try withDirectory { directory in
            try DecoderDirectory.write(decoder, to: directory)
            let file = try Safetensors(reading: directory.appendingPathComponent("model.safetensors"))
            #expect(Set(file.tensors.map(\.name)) == Set(golden.gradients.keys))
            for (name, stored) in file.tensors {
                let expected = try #require(golden.gradients[name]).tensor
                let found = Tensor(try stored.float32(), shape: stored.shape)
                let largest = expected.values.reduce(0) { max($0, abs($1)) }
                // A key's bias shifts all scores of a row alike where positions are not turned.
                let scale = name.hasSuffix("k_proj.bias") ? max(largest, 1) : largest
                #expect(scale > 1e-2, "\(name) is not exercised")
                #expect(largestDifference(found, expected) <= 1e-4 * scale, "\(name)")
            }
        }
    }

    @Test(
        "a GGUF file holds the same weights, whatever order its converter gave their rows",
        arguments: ["llama", "qwen2", "llama3-scaling", "llama-blocks"])
    func gguf(name: String) throws {
        let url = GoldenDecoderModel.url(name)
        let (published, converted) = (
            try DecoderDirectory.read(url), try DecoderDirectory.read(url.appendingPathComponent("model.gguf"))
        )
        var configuration = converted.configuration
        if name == "llama3-scaling" {
            // The file holds what each frequency is divided by.
            #expect(configuration.rotary != published.configuration.rotary)
            // Written as a directory, it is what it came from.
            try withDirectory { directory in
                try DecoderDirectory.write(converted, to: directory)
                #expect(try DecoderDirectory.read(directory).configuration.rotary == published.configuration.rotary)
            }
            configuration.rotary = published.configuration.rotary
        }
        if name == "llama-blocks" {
            #expect(configuration.endTokens == [2, 5])
        } else {
            configuration.endTokens = published.configuration.endTokens
        }
        #expect(configuration == published.configuration)
        for (a, b) in zip(converted.parameters, published.parameters) {
            #expect(a.name == b.name && a.value.values == b.value.values, "\(a.name)")
        }
        let runner = try DecoderDirectory.readRunner(url.appendingPathComponent("model.gguf"))
        let golden = try GoldenDecoderModel.read(name)
        let expected = golden.logits.tensor.rows(
            golden.logits.shape[0] - golden.sequences[2].count..<golden.logits.shape[0])
        #expect(largestDifference(DecoderSession(runner).appendAll(golden.sequences[2]), expected) < 2e-5)
    }

    @Test("a written model is read again as it was", arguments: GoldenDecoderModel.names)
    func roundTrip(name: String) throws {
        let decoder = try DecoderDirectory.read(GoldenDecoderModel.url(name))
        try withDirectory { directory in
            try DecoderDirectory.write(decoder, to: directory)
            let again = try DecoderDirectory.read(directory)
            #expect(again.configuration == decoder.configuration)
            for (a, b) in zip(again.parameters, decoder.parameters) { #expect(a.value.values == b.value.values) }
        }
    }

    @Test("token by token and in one pass, the runner gives the decoder's logits", arguments: GoldenDecoderModel.names)
    func session(name: String) throws {
        let golden = try GoldenDecoderModel.read(name)
        let runner = try DecoderDirectory.readRunner(GoldenDecoderModel.url(name))
        let sequence = golden.sequences[2]
        let expected = golden.logits.tensor.rows(golden.logits.shape[0] - sequence.count..<golden.logits.shape[0])
        let all = DecoderSession(runner).appendAll(sequence)
        #expect(largestDifference(all, expected) < 2e-5)
        let (stepwise, width) = (DecoderSession(runner), expected.width)
        for (position, token) in sequence.enumerated() {
            let row = stepwise.append([token]).values
            #expect(row == Array(all.values[position * width..<(position + 1) * width]), "position \(position)")
        }
        let mixed = DecoderSession(runner)
        _ = mixed.append(Array(sequence[..<7]))
        let trained = DecoderRunner(try DecoderDirectory.read(GoldenDecoderModel.url(name)))
        #expect(DecoderSession(trained).appendAll(sequence).values == all.values)
        #expect(mixed.append(Array(sequence[7...])).values == Array(all.values.suffix(width)))
    }

    @Test("layers may differ in heads and sizes; such a model is written and read")
    func unevenLayers() throws {
        for (name, keys) in [("llama", [1, 2]), ("gpt2", [2, 4])] {
            var configuration = try DecoderConfiguration(
                reading: GoldenDecoderModel.url(name).appendingPathComponent("config.json"))
            configuration.heads = [2, 4]
            configuration.keyHeads = keys
            configuration.feedForward = [8, 24]
            let decoder = Decoder(configuration, key: RandomKey(3))
            #expect(decoder.parameterCount == configuration.parameterCount)
            try withDirectory { directory in
                try DecoderDirectory.write(decoder, to: directory)
                let again = try DecoderDirectory.read(directory)
                #expect(again.configuration == configuration)
                let batch = PackedBatch([[1, 2, 3]], samples: [0])
                #expect(again.logits(batch).values == decoder.logits(batch).values)
            }
        }
    }

    @Test(
        "names without their prefix, and what old files hold besides, are as good",
        arguments: [("llama", "model."), ("gpt2", "transformer.")])
    func oldFiles(name: String, prefix: String) throws {
        let source = GoldenDecoderModel.url(name)
        var file = try Safetensors(reading: source.appendingPathComponent("model.safetensors"))
        let table = try #require(
            file.tensors.first { $0.name == prefix + "\(name == "gpt2" ? "wte" : "embed_tokens").weight" })
        for index in file.tensors.indices {
            file.tensors[index].name = String(file.tensors[index].name.dropFirst(prefix.count))
        }
        file.tensors.append(("lm_head.weight", table.tensor))
        let besides =
            name == "gpt2" ? ["h.0.attn.bias", "h.0.attn.masked_bias"] : ["layers.0.self_attn.rotary_emb.inv_freq"]
        for name in besides { file.tensors.append((name, .float32(shape: [1], [1]))) }
        try withDirectory { directory in
            try file.write(to: directory.appendingPathComponent("model.safetensors"))
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"), to: directory.appendingPathComponent("config.json"))
            let (found, expected) = (try DecoderDirectory.read(directory), try DecoderDirectory.read(source))
            for (a, b) in zip(found.parameters, expected.parameters) { #expect(a.value.values == b.value.values) }
        }
    }

    @Test("every missing, surplus and misshapen tensor is named")
    func mismatch() throws {
        try withDirectory { directory in
            let source = GoldenDecoderModel.url("llama")
            var file = try Safetensors(reading: source.appendingPathComponent("model.safetensors"))
            file.tensors.removeAll { $0.name == "model.layers.1.mlp.up_proj.weight" }
            let index = try #require(file.tensors.firstIndex { $0.name == "model.norm.weight" })
            file.tensors[index].tensor = .float32(shape: [15], [Float](repeating: 1, count: 15))
            file.tensors.append(("model.layers.2.input_layernorm.weight", .float32(shape: [1], [1])))
            try file.write(to: directory.appendingPathComponent("model.safetensors"))
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"), to: directory.appendingPathComponent("config.json"))
            for read in [{ _ = try DecoderDirectory.read($0) }, { _ = try DecoderDirectory.readRunner($0) }]
                as [(URL) throws -> Void]
            {
                let errors = try #require(throws: InputErrors.self) { try read(directory) }.errors
                #expect(
                    Set(errors.compactMap(\.field)) == [
                        "model.layers.1.mlp.up_proj.weight", "model.norm.weight",
                        "model.layers.2.input_layernorm.weight",
                    ])
            }
        }
    }

    @Test(
        "what a configuration states and the decoder does not compute is refused by name",
        arguments: [
            ("llama", "hidden_act", "\"gelu\""), ("llama", "num_key_value_heads", "3"),
            ("llama", "model_type", "\"mixtral\""), ("llama", "head_dim", "5"), ("llama", "vocab_size", "0"),
            ("llama", "rms_norm_eps", "-1"), ("llama-yarn", "rope_parameters", "{\"rope_type\": \"dynamic\"}"),
            ("llama-yarn", "rope_parameters", "{\"rope_type\": \"linear\"}"),
            ("qwen2", "layer_types", "[\"sliding_attention\", \"full_attention\"]"), ("qwen2", "hidden_size", "1e9"),
            ("gpt2", "activation_function", "\"relu\""), ("gpt2", "scale_attn_by_inverse_layer_idx", "true"),
            ("gpt2", "n_head", "3"), ("gpt2", "n_embd", "\"16\""),
        ])
    func configuration(name: String, key: String, value: String) throws {
        let url = GoldenDecoderModel.url(name).appendingPathComponent("config.json")
        var object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        object[key] = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try withDirectory { directory in
            let changed = directory.appendingPathComponent("config.json")
            try JSONSerialization.data(withJSONObject: object).write(to: changed)
            let error = #expect(throws: (any Error).self) { try DecoderConfiguration(reading: changed) }
            let text = "\(try #require(error))"
            let camel = key.split(separator: "_").enumerated().map { $0 == 0 ? String($1) : $1.capitalized }.joined()
            #expect(text.contains(key) || text.contains(camel), "\(text)")
        }
    }
}
