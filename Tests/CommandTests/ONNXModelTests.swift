import Foundation
import Testing

/// Exported ONNX files where a model is taken.
@Suite("An exported ONNX file is a model like others")
struct ONNXModelTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/encoders")
    private static let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "blue", "cat", "dog", "and", "a", "##s",
    ]

    /// A folder with a published checkpoint as `model`, its exports in `out`, and `rows.csv`.
    private func with(_ name: String, _ formats: String, _ body: (Command) throws -> Void) throws {
        try Command.with { command in
            try FileManager.default.copyItem(
                at: Self.golden.appendingPathComponent(name), to: command.folder.appendingPathComponent("model"))
            try command.write(Self.words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
            try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
            let rows = (0..<40).map { row -> String in
                let text = (0...(row % 6)).map { Self.words[5 + (row * 5 + $0 * 3) % 7] }.joined(separator: " ")
                return "r\(row),\(text),\(["no", "maybe", "yes"][row % 3])\n"
            }
            try command.write("id,text,label\n" + rows.joined(), to: "rows.csv")
            let made = try command.start(["export", "model", "--format", formats, "--output", "out"]).finish()
            #expect(made.status == 0, "\(made.errors)")
            try body(command)
        }
    }

    private func answers(_ command: Command, _ arguments: String...) throws -> [[String: Any]] {
        let texts = try String(contentsOf: command.folder.appendingPathComponent("rows.csv"), encoding: .utf8)
            .split(separator: "\n").dropFirst().map { $0.split(separator: ",")[1] }.joined(separator: "\n")
        let result = try command.start(["predict"] + arguments, input: texts + "\n").finish()
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("eval, predict, compare and bench take the file, or a directory that has no other weights")
    func commands() throws {
        try with("bert-classification", "onnx") { command in
            let labels = try answers(command, "model").map { $0["label"] as? String ?? "" }
            let found = try answers(command, "out/model.onnx", "--batch", "7")
            #expect(found.map { $0["label"] as? String ?? "" } == labels && found.count == 40)
            let lines = try String(contentsOf: command.folder.appendingPathComponent("rows.csv"), encoding: .utf8)
                .split(separator: "\n").dropFirst()
            try command.write(
                "id,text,label\n"
                    + zip(lines, labels).map { line, label in
                        line.split(separator: ",").dropLast().joined(separator: ",") + ",\(label)\n"
                    }.joined(), to: "rows.csv")
            for place in ["out/model.onnx", "out"] {
                let result = try command.start(
                    ["eval", place, "--against", "model", "--data", "rows.csv", "--json", "--queries", "5"]
                ).finish()
                #expect(result.status == 0, "\(result.errors)")
                let report = try #require(
                    JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
                let models = try #require(report["models"] as? [String: [String: Any]])
                let own = try #require(models["model"])
                #expect((own["metrics"] as? [String: Any])?["accuracy"] as? Double == 1)
                #expect(own["latency_ms"] == nil && models["teacher"]?["latency_ms"] != nil)
                #expect((own["path"] as? String)?.hasSuffix("out/model.onnx") == true)
                let pair = try #require((report["pairs"] as? [[String: Any]])?.first)
                #expect(pair["agreement"] as? Double == 1)
                #expect(abs(try #require(pair["kl_mean"] as? Double)) < 1e-9)
            }
            let compared = try command.start(
                [
                    "compare", "model", "out/model.onnx", "--data", "rows.csv", "--prompt", "text", "--gate",
                    "same_rate >= 1",
                ]
            ).finish()
            #expect(compared.status == 0, "\(compared.errors)")
            let timed = try command.start(
                ["bench", "out/model.onnx", "--queries", "5", "--warm-up", "1", "--batch", "2", "--batches", "1"]
            ).finish()
            #expect(timed.status == 0 && timed.output.contains("out/model.onnx: "), "\(timed.errors)")
            let inspected = try command.start(["inspect", "out"]).finish()
            #expect(inspected.status == 0 && inspected.output.contains("in model.onnx"), "\(inspected.output)")
            try command.expect(
                64, "--queries does nothing here", from: ["eval", "out", "--data", "rows.csv", "--queries", "5"])
            try command.expect(2, "is not exported again", from: ["export", "out", "--output", "again"])
        }
    }

    @Test("numbers and embeddings are those of the model", arguments: ["bert-regression", "bert-embedding"])
    func values(name: String) throws {
        try with(name, "onnx,onnx-float16") { command in
            let (own, found) = (try answers(command, "model"), try answers(command, "out/model.onnx"))
            #expect(own.count == found.count && found.count == 40)
            for (a, b) in zip(own, found) {
                let numbers = [a, b].map { $0["embedding"] as? [Double] ?? [$0["value"] as? Double ?? .nan] }
                #expect(zip(numbers[0], numbers[1]).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($0)) })
            }
            try command.expect(
                2, "several ONNX files", "model.onnx, model_fp16.onnx", from: ["predict", "out", "--text", "the cat"])
        }
    }

    @Test("files that are not run here are refused by name")
    func refusals() throws {
        try with("bert-classification", "onnx") { command in
            let file = command.folder.appendingPathComponent("out/model.onnx")
            let whole = try Data(contentsOf: file)
            func refused(_ words: String..., arguments: [String] = []) throws {
                let result = try command.start(["eval", "out/model.onnx", "--data", "rows.csv"] + arguments).finish()
                #expect(result.status == 2, "\(result.errors)")
                for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
            }
            func changed(_ old: String, _ new: String) throws -> Data {
                let place = try #require(whole.range(of: Data(old.utf8)), "\(old)")
                return whole.replacingCharacters(in: place, with: Data(new.utf8))
            }
            try changed("retort", "pytorc").write(to: file)
            try refused("written by pytorc", "record its answers")
            try changed("Softmax", "Softmin").write(to: file)
            try refused("the operator Softmin is not run here", "probabilities")
            try changed("attention_mask", "token_type_ids").write(to: file)
            try refused("token_type_ids")
            try whole.prefix(whole.count / 2).write(to: file)
            try refused("not an ONNX model, or a damaged one")
            try Data().write(to: file)
            try refused("model.onnx")
            try whole.write(to: file)
            let pair = try command.start(
                ["predict", "out/model.onnx"], input: #"{"id": "1", "text": "the cat", "text_pair": "a dog"}"#
            ).finish()
            #expect(pair.status == 2 && pair.errors.contains("this is a pair"), "\(pair.errors)")
            let configuration = command.folder.appendingPathComponent("out/config.json")
            let text = try String(contentsOf: configuration, encoding: .utf8)
            try command.write(text.replacingOccurrences(of: "\"maybe\"", with: "\"other\""), to: "out/config.json")
            try refused("classes", "config.json beside it says")
            try FileManager.default.removeItem(at: configuration)
            try refused("config.json")
            try command.write(text, to: "out/config.json")
            for name in ["vocab.txt", "tokenizer.json"] {
                try? FileManager.default.removeItem(at: command.folder.appendingPathComponent("out/\(name)"))
            }
            try refused("neither tokenizer.json nor vocab.txt")
            try command.expect(2, "there is no such file", from: ["eval", "no.onnx", "--data", "rows.csv"])
        }
    }
}

extension Data {
    fileprivate func replacingCharacters(in range: Range<Index>, with other: Data) -> Data {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}
