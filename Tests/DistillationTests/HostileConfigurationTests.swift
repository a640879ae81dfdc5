import Distillation
import Files
import Foundation
import Tensors
import Testing

/// A model directory whose JSON files were cut or damaged: an error in words, or a model; never a trap.
@Suite("Damaged configurations")
struct HostileConfigurationTests {
    /// Reads the directory with other content in one of its files; whether it was refused.
    private func refused(_ bytes: [UInt8], as url: URL, in directory: URL) throws -> Bool {
        try Data(bytes).write(to: url)
        do {
            _ = try ModelDirectory.readEncoder(directory)
            return false
        } catch let error as InputError {
            #expect(error.file != nil)
            return true
        } catch let errors as InputErrors {
            #expect(!errors.errors.isEmpty && errors.errors.allSatisfy { $0.file != nil })
            return true
        }
    }

    @Test(
        "cut anywhere they are refused, and changed anywhere they never trap",
        arguments: [
            ("bert-classification", "config.json"), ("distilbert-masked", "config.json"),
            ("roberta-embedding", "config.json"), ("bert-embedding", "modules.json"),
            ("bert-embedding", "1_Pooling/config.json"), ("bert-embedding", "sentence_bert_config.json"),
        ])
    func damaged(_ name: String, _ path: String) throws {
        let golden = try GoldenEncoders(name)
        try withDirectory { parent in
            let directory = parent.appendingPathComponent("model")
            try FileManager.default.copyItem(at: golden.directory, to: directory)
            let url = directory.appendingPathComponent(path)
            let whole = [UInt8](try Data(contentsOf: url))
            #expect(try !refused(whole, as: url, in: directory))
            let end = try #require(whole.lastIndex { $0 == UInt8(ascii: "}") || $0 == UInt8(ascii: "]") })
            for length in 0..<end {
                #expect(try refused(Array(whole[..<length]), as: url, in: directory), "cut at \(length)")
            }
            let key = RandomKey(1).mixed(name).mixed(path)
            var count = 0
            for trial in 0..<1000 {
                var bytes = whole
                let flips = 1 + Int(key.mixed(trial).bits(0) % 3)
                for flip in 1...flips {
                    let bits = key.mixed(trial).bits(flip)
                    // Digits and quotes are where sizes and kinds change; any byte now and then.
                    let other = bits >> 40 & 1 == 0 ? UInt8(ascii: "0") + UInt8(bits >> 48 & 15) : UInt8(bits >> 56)
                    bytes[Int(bits % UInt64(bytes.count))] = other
                }
                count += try refused(bytes, as: url, in: directory) ? 1 : 0
            }
            #expect(count > 100)
        }
    }
}
