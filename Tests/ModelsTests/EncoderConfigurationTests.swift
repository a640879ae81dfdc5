import Files
import Foundation
import Models
import Tensors
import Testing

@Suite("Encoder configuration")
struct EncoderConfigurationTests {
    private var plain: EncoderConfiguration {
        var configuration = EncoderConfiguration(
            vocabularySize: 100, hiddenSize: 24, layers: 3, heads: 4, feedForward: 48, maximumPositions: 32,
            dropout: 0.25, pooling: .first, labels: ["notSpam", "some_label", "ÄÖ \"x\""])
        configuration.layerNormEpsilon = 1e-5
        configuration.attentionDropout = 0.125
        configuration.tokenTypes = 3
        return configuration
    }

    private func object(_ configuration: EncoderConfiguration) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: configuration.json()) as? [String: Any])
    }

    /// What reading `plain` says once `change` was made to its keys.
    private func problems(_ change: (inout [String: Any]) -> Void) throws -> [InputError] {
        var content = try object(plain)
        change(&content)
        do {
            _ = try ConfigurationFile.read(JSONSerialization.data(withJSONObject: content))
            return []
        } catch let errors as InputErrors {
            return errors.errors
        }
    }

    @Test("survives a round trip, with even layers under the published keys alone")
    func evenRoundTrip() throws {
        #expect(try ConfigurationFile.read(plain.json()) == plain)
        let content = try object(plain)
        #expect(content["num_attention_heads"] as? Int == 4)
        #expect(content["intermediate_size"] as? Int == 48)
        #expect(content["layer_attention_heads"] == nil && content["attention_head_size"] == nil)
        #expect(content["id2label"] as? [String: String] == ["0": "notSpam", "1": "some_label", "2": "ÄÖ \"x\""])
        #expect(content["label2id"] as? [String: Int] == ["notSpam": 0, "some_label": 1, "ÄÖ \"x\"": 2])
    }

    @Test("survives a round trip with other heads and feed-forward sizes in every layer")
    func unevenRoundTrip() throws {
        for (heads, feedForward) in [
            ([4, 1, 3], [48, 17, 2]), ([4, 4, 4], [48, 48, 8]), ([2, 2, 2], [48, 48, 48]),
        ] {
            var uneven = plain
            uneven.heads = heads
            uneven.feedForward = feedForward
            uneven.pooling = .mean
            #expect(try ConfigurationFile.read(uneven.json()) == uneven)
            #expect(try object(uneven)["layer_attention_heads"] as? [Int] == heads)
        }
    }

    @Test("is written with sorted keys, so that the same configuration gives the same bytes")
    func sameBytes() throws {
        let text = try #require(String(data: plain.json(), encoding: .utf8))
        let keys = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }.compactMap {
            $0.split(separator: "\"").dropFirst().first
        }
        #expect(keys.count > 12 && keys == keys.sorted())
        #expect(try plain.json() == plain.json())
    }

    @Test("reads the config.json of transformers")
    func transformers() throws {
        let configuration = try ConfigurationFile.read(GoldenEncoder.configuration())
        #expect(configuration.hiddenSize == 32 && configuration.headSize == 8)
        #expect(configuration.heads == [4, 4] && configuration.feedForward == [64, 64])
        #expect(configuration.labels == ["no", "maybe", "yes"])
        #expect(configuration.layerNormEpsilon == 1e-12 && configuration.hiddenDropout == 0.1)
    }

    @Test("takes the published defaults for keys that may be left out")
    func defaults() throws {
        let sizes =
            #"{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "#
            + #""num_attention_heads": 2, "intermediate_size": 4, "max_position_embeddings": 5}"#
        let configuration = try ConfigurationFile.read(Data(sizes.utf8))
        #expect(configuration.tokenTypes == 2 && configuration.layerNormEpsilon == 1e-12)
        #expect(configuration.hiddenDropout == 0.1 && configuration.attentionDropout == 0.1)
        #expect(configuration.pooling == .first && configuration.labels == ["LABEL_0", "LABEL_1"])
    }

    @Test(
        "refuses what it does not compute, naming the key",
        arguments: [
            ("model_type", "gpt2"), ("hidden_act", "silu"), ("position_embedding_type", "relative_key"),
            ("problem_type", "multi_label_classification"),
        ])
    func otherModels(_ key: String, _ value: String) throws {
        let found = try problems { $0[key] = value }
        #expect(found.map(\.field) == [key])
        #expect(found.first?.problem.contains(value) == true)
    }

    @Test(
        "refuses sizes that are missing, not positive or absurd",
        arguments: [
            "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings",
        ])
    func sizes(_ key: String) throws {
        #expect(try problems { $0[key] = nil }.contains { $0.field == key && $0.problem.contains("nothing") })
        for value in [0, -3, 1 << 40] {
            #expect(try problems { $0[key] = value }.contains { $0.field == key && $0.problem.contains("\(value)") })
        }
    }

    @Test("refuses head counts, feed-forward sizes and head sizes that do not fit")
    func layers() throws {
        func fields(_ key: String, _ value: Any) throws -> [String?] { try problems { $0[key] = value }.map(\.field) }
        #expect(try fields("num_attention_heads", 5) == ["num_attention_heads"])
        #expect(try fields("attention_head_size", 0) == ["attention_head_size"])
        #expect(try fields("attention_head_size", -8) == ["attention_head_size"])
        for heads in [[4, 4], [4, -1, 4], [4, 4, 5000], []] {
            #expect(try fields("layer_attention_heads", heads) == ["layer_attention_heads"], "\(heads)")
        }
        for sizes in [[4, 4], [4, -1, 4], [4, 4, 1 << 30], []] {
            #expect(try fields("layer_intermediate_sizes", sizes) == ["layer_intermediate_sizes"], "\(sizes)")
        }
        #expect(try fields("type_vocab_size", 0) == ["type_vocab_size"])
    }

    @Test("refuses classes whose ids leave gaps, and impossible numbers")
    func classesAndNumbers() throws {
        func fields(_ key: String, _ value: Any) throws -> [String?] { try problems { $0[key] = value }.map(\.field) }
        #expect(try fields("id2label", ["0": "a", "2": "b"]) == ["id2label"])
        #expect(try fields("id2label", ["1": "a", "2": "b"]) == ["id2label"])
        #expect(try fields("id2label", ["0": "a", "1": ""]) == ["id2label"])
        #expect(try fields("id2label", [String: String]()) == ["id2label"])
        #expect(try fields("id2label", ["0": "a", "1": "b", "2": "a"]) == ["id2label"])
        for key in ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
            #expect(try fields(key, 1.0) == [key])
            #expect(try fields(key, -0.1) == [key])
        }
        #expect(try fields("layer_norm_eps", -1.0) == ["layer_norm_eps"])
        #expect(try fields("layer_norm_eps", 0) == ["layer_norm_eps"])
    }

    @Test("lists all problems at once")
    func allAtOnce() throws {
        let found = try problems {
            $0["model_type"] = "electra"
            $0["vocab_size"] = nil
            $0["hidden_dropout_prob"] = 2
        }
        #expect(Set(found.map(\.field)) == ["model_type", "vocab_size", "hidden_dropout_prob"])
        #expect(found.allSatisfy { $0.file != nil })
    }

    @Test(
        "refuses text that is no configuration, and says why",
        arguments: [
            ("", "not a model configuration"), ("[1, 2]", "expected an object"),
            (#"{"model_type": "bert""#, "not valid JSON"), ("12", "expected an object"),
            (String(repeating: "[", count: 100_000), "not a model configuration"),
        ])
    func damaged(_ text: String, _ reason: String) throws {
        let error = try #require(throws: InputError.self) { try ConfigurationFile.read(Data(text.utf8)) }
        #expect(error.file != nil)
        #expect(error.problem.contains(reason), "\(error)")
    }

    @Test("refuses values of another kind, naming the key and what was found")
    func kinds() throws {
        let values: [(String, Any, String)] = [
            ("vocab_size", "many", "\"many\""), ("hidden_size", 1.5, "1.5"), ("num_attention_heads", 0, "found 0"),
            ("num_hidden_layers", true, "true"), ("intermediate_size", [3], "[3]"), ("pooling", "max", "max"),
            ("id2label", ["0": 1], "not 0 to 0"), ("id2label", [1], "[1]"), ("layer_norm_eps", "small", "\"small\""),
            ("is_decoder", true, "true"), ("is_decoder", 1, "found 1"), ("add_cross_attention", true, "true"),
            ("layer_attention_heads", [4, 1.5, 4], "1.5"), ("layer_attention_heads", 4, "found 4"),
            ("architectures", "BertModel", "BertModel"), ("architectures", ["BertForTokenClassification"], "Token"),
            ("max_position_embeddings", 1e300, "1e+300"), ("hidden_act", 3, "found 3"),
        ]
        for (key, value, words) in values {
            let found = try problems { $0[key] = value }
            #expect(found.map(\.field) == [key], "\(key): \(value)")
            #expect(found.first?.problem.contains(words) == true, "\(found)")
        }
    }

    @Test("names a file that cannot be read")
    func missing() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("no-such-\(UUID().uuidString).json")
        let error = try #require(throws: InputError.self) { try EncoderConfiguration(reading: url) }
        #expect(error.file == url.path)
        #expect(error.remedy?.contains("config.json") == true)
    }

    @Test("a head per architecture; without one named, a classifier")
    func heads() throws {
        func head(_ change: (inout [String: Any]) -> Void) throws -> EncoderConfiguration.Head {
            var content = try object(plain)
            change(&content)
            return try ConfigurationFile.read(JSONSerialization.data(withJSONObject: content)).head
        }
        #expect(try head { $0["architectures"] = nil } == .classification)
        #expect(try head { $0["architectures"] = [String]() } == .classification)
        #expect(try head { $0["architectures"] = ["BertForMaskedLM"] } == .maskedLanguageModel)
        #expect(try head { $0["architectures"] = ["BertForPreTraining"] } == .maskedLanguageModel)
        #expect(try head { $0["architectures"] = ["BertModel"] } == .none)
        #expect(try head { $0["problem_type"] = "regression" } == .regression)
        #expect(try head { $0["id2label"] = ["0": "score"] } == .regression)
        #expect(
            try head {
                $0["id2label"] = ["0": "score"]
                $0["problem_type"] = "single_label_classification"
            } == .classification)
        #expect(
            try problems {
                $0["architectures"] = ["BertForMaskedLM"]
                $0["tie_word_embeddings"] = false
            }.map(\.field) == ["tie_word_embeddings"])
    }

    @Test("RoBERTa's positions count from its padding id + 1, DistilBERT's keys are its own")
    func families() throws {
        let roberta =
            #"{"model_type": "xlm-roberta", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "pad_token_id": 1, "#
            + #""num_attention_heads": 2, "intermediate_size": 4, "max_position_embeddings": 514, "type_vocab_size": 1}"#
        var read = try ConfigurationFile.read(Data(roberta.utf8))
        #expect(read.family == .xlmRoberta && read.positionOffset == 2 && read.maximumPositions == 512)
        #expect(read.tokenTypes == 1)
        let short = roberta.replacingOccurrences(of: "514", with: "2")
        let errors = try #require(throws: InputErrors.self) { try ConfigurationFile.read(Data(short.utf8)) }.errors
        #expect(errors.map(\.field) == ["max_position_embeddings"])
        let distilbert =
            #"{"model_type": "distilbert", "vocab_size": 9, "dim": 8, "n_layers": 2, "n_heads": 4, "hidden_dim": 5, "#
            + #""max_position_embeddings": 7, "dropout": 0.2, "attention_dropout": 0.3, "activation": "relu"}"#
        read = try ConfigurationFile.read(Data(distilbert.utf8))
        #expect(read.heads == [4, 4] && read.headSize == 2 && read.feedForward == [5, 5] && read.tokenTypes == 0)
        #expect(read.hiddenDropout == 0.2 && read.attentionDropout == 0.3 && read.headDropout == 0.2)
        #expect(read.activation == .relu && read.maximumPositions == 7)
        #expect(try ConfigurationFile.read(read.json()) == read)
    }

    @Test("published pruned heads leave each layer with the rest, in whatever order they are named")
    func prunedHeads() throws {
        var content = try object(plain)
        content["pruned_heads"] = ["2": [3, 0], "0": [1]]
        let read = try ConfigurationFile.read(JSONSerialization.data(withJSONObject: content))
        #expect(read.heads == [3, 4, 2] && read.headSize == 6)
        content["pruned_heads"] = ["0": [0, 1, 2, 3]]
        #expect(
            try ConfigurationFile.read(JSONSerialization.data(withJSONObject: content)).heads == [0, 4, 4])
        for pruned: [String: Any] in [
            ["3": [0]], ["0": [4]], ["0": [1, 1]], ["0": 1], ["0": [0.5]], ["-1": [0]],
        ] {
            #expect(try problems { $0["pruned_heads"] = pruned }.map(\.field) == ["pruned_heads"], "\(pruned)")
        }
        #expect(
            try problems {
                $0["pruned_heads"] = ["0": [1]]
                $0["layer_attention_heads"] = [3, 4, 4]
            }.map(\.field) == ["pruned_heads"])
    }
}
