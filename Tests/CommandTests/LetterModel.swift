import Foundation
import Testing

/// A tiny published decoder with a tokenizer of single letters.
enum LetterModel {
    static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/decoders/")

    /// A folder with the checkpoint as `model`: 23 rows, and as many tokens, the blank and a to v, if no fewer are wanted.
    static func with(
        of family: String = "llama", tokens count: Int = 23, _ body: (Command) throws -> Void
    ) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let model = command.folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                at: Self.golden.appendingPathComponent("\(family)/\(name)"), to: model.appendingPathComponent(name))
        }
        let letters = ["Ġ"] + "abcdefghijklmnopqrstuv".map(String.init)
        let vocabulary = letters.prefix(count).enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let level = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#
        try command.write(
            #"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":\#(level),"#
                + #""post_processor":null,"decoder":\#(level),"model":{"type":"BPE","dropout":null,"unk_token":null,"#
                + #""continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"#
                + #""vocab":{\#(vocabulary)},"merges":[]}}"#, to: "model/tokenizer.json")
        try body(command)
    }
}
