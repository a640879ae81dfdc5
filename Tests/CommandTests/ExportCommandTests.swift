import Foundation
import PackedFiles
import Testing

/// Finished models through `retort export` and `retort verify`.
@Suite("export --output and verify")
struct ExportCommandTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden")
    private static let words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "blue", "cat", "dog", "and", "a", "##s",
    ]

    /// A folder with a published checkpoint as `model`.
    private func with(_ name: String, _ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try FileManager.default.copyItem(
            at: Self.golden.appendingPathComponent("encoders/\(name)"),
            to: command.folder.appendingPathComponent("model"))
        try command.write(Self.words.joined(separator: "\n") + "\n", to: "model/vocab.txt")
        try command.write(#"{"do_lower_case": true}"#, to: "model/tokenizer_config.json")
        try command.write("text\nthe red cat\na dog and the blue cats\n", to: "texts.csv")
        try body(command)
    }

    @Test(
        "every head as ONNX: proved, verified, and the same bytes again",
        arguments: ["bert-classification", "bert-regression", "bert-embedding", "distilbert-classification"])
    func encoders(name: String) throws {
        try with(name) { command in
            let formats = ["--format", "onnx,safetensors", "--format", "onnx-float16"]
            for place in ["one", "two"] {
                let result = try command.start(
                    ["export", "model", "--output", place, "--data", "texts.csv"] + formats
                ).finish()
                #expect(result.status == 0, "\(result.errors)")
                #expect(result.output.split(separator: "\n").count == 3)
                #expect(result.output.contains("\(place)/model.onnx"))
            }
            let files = try FileManager.default.subpathsOfDirectory(atPath: command.folder.path + "/one").sorted()
            #expect(
                files == (try FileManager.default.subpathsOfDirectory(atPath: command.folder.path + "/two").sorted()))
            for file in files where !file.hasSuffix("README.md") && file.contains(".") {
                let bytes = ["one", "two"].map {
                    FileManager.default.contents(atPath: command.folder.path + "/\($0)/\(file)")
                }
                #expect(file == "verification.json" || bytes[0] == bytes[1], "\(file)")
            }
            let verified = try command.start(["verify", "one"]).finish()
            #expect(verified.status == 0 && verified.output.contains("one/model_fp16.onnx"), "\(verified.errors)")
        }
    }

    @Test("a file that changed, is missing or computes something else fails with exit code 1")
    func damaged() throws {
        try with("bert-classification") { command in
            let exported = try command.start(["export", "model", "--format", "onnx", "--output", "out"]).finish()
            #expect(exported.status == 0, "\(exported.errors)")
            let url = command.folder.appendingPathComponent("out/model.onnx")
            let whole = try Data(contentsOf: url)
            var bytes = whole
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: url)
            let changed = try command.start(["verify", "out"]).finish()
            #expect(changed.status == 1 && changed.errors.contains("not the file that was exported"))
            try FileManager.default.removeItem(at: url)
            #expect(try command.start(["verify", "out"]).finish().status == 1)
            try whole.write(to: url)
            #expect(try command.start(["verify", "out"]).finish().status == 0)
            for field in ["formats", "sequences[0]"] {
                try changeRecord(command.folder.appendingPathComponent("out/verification.json"), field)
                let refused = try command.start(["verify", "out"]).finish()
                #expect(refused.status == 2 && refused.errors.contains(field), "\(refused.errors)")
            }
            let none = try command.start(["verify", "model"]).finish()
            #expect(none.status == 2 && none.errors.contains("verification.json"))
        }
    }

    /// Takes the formats away, or puts a text before the others that the model cannot read.
    private func changeRecord(_ url: URL, _ field: String) throws {
        let found = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
        var record = try #require(found)
        if field == "formats" {
            record["formats"] = [String]()
        } else {
            record["formats"] = ["onnx"]
            let width = try #require(record["width"] as? Int)
            record["sequences"] = [[99]] + (record["sequences"] as? [[Int]] ?? [])
            record["expected"] = Array(repeating: 0.5, count: width) + (record["expected"] as? [Double] ?? [])
        }
        try JSONSerialization.data(withJSONObject: record).write(to: url)
    }

    @Test("formats that a model does not have are refused, and nothing is written")
    func strangeFormats() throws {
        try with("bert-classification") { command in
            let result = try command.start(
                ["export", "model", "--output", "out", "--format", "compressed-tensors,onnx-fusd,onnx"]
            ).finish()
            #expect(result.status == 2)
            #expect(result.errors.contains("float encoder") && result.errors.contains("did you mean 'onnx-fused'?"))
            #expect(!FileManager.default.fileExists(atPath: command.folder.path + "/out"))
            try FileManager.default.createDirectory(
                at: command.folder.appendingPathComponent("out"), withIntermediateDirectories: true)
            try command.write("mine", to: "out/notes.txt")
            let kept = try command.start(["export", "model", "--output", "out"]).finish()
            #expect(kept.status == 2 && kept.errors.contains("no export"))
            #expect(FileManager.default.fileExists(atPath: command.folder.path + "/out/notes.txt"))
            #expect(try command.start(["export", "model", "--format", "onnx"]).finish().status == 64)
        }
    }

    @Test("a bundle holds every file, always the same bytes, and shows a change")
    func bundles() throws {
        try with("bert-embedding") { command in
            func export() throws -> Data {
                let result = try command.start(["export", "model", "--output", "out", "--bundle"]).finish()
                #expect(result.status == 0 && result.output.contains("out.tar.zst  sha256 "), "\(result.errors)")
                return try Data(contentsOf: command.folder.appendingPathComponent("out.tar.zst"))
            }
            try command.write("mine", to: "out.tar.zst")
            let kept = try command.start(["export", "model", "--output", "out", "--bundle"]).finish()
            #expect(kept.status == 2 && kept.errors.contains("no bundle"), "\(kept.errors)")
            #expect(!FileManager.default.fileExists(atPath: command.folder.path + "/out"))
            try FileManager.default.removeItem(at: command.folder.appendingPathComponent("out.tar.zst"))
            var bytes = try export()
            #expect(try export() == bytes)
            let verified = try command.start(["verify", "out.tar.zst"]).finish()
            #expect(verified.status == 0 && verified.output.contains("what the manifest says"), "\(verified.errors)")
            try PackedFile.archive(
                "tar.zst", [.init("out/manifest.json", "{\"files\": [], \"schema\": 1}"), .init("out/a")]
            )
            .write(to: command.folder.appendingPathComponent("out.tar.zst"))
            let changed = try command.start(["verify", "out.tar.zst"]).finish()
            #expect(changed.status == 1 && changed.errors.contains("a is not in the manifest"), "\(changed.errors)")
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: command.folder.appendingPathComponent("out.tar.zst"))
            #expect(try command.start(["verify", "out.tar.zst"]).finish().status != 0)
        }
    }
}
