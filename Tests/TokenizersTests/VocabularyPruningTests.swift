import Files
import Foundation
import Testing
import Tokenizers

@Suite("A smaller vocabulary")
struct VocabularyPruningTests {
    private func tokenizer() throws -> WordPieceTokenizer {
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        return try WordPieceTokenizer(
            vocabulary: [
                "[PAD]", "unused", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing", "##ed", "playing", "re",
            ]
                + letters + letters.map { "##" + $0 })
    }

    @Test("Texts that it was made for get the same pieces, and others can still be spelled")
    func pieces() throws {
        let whole = try tokenizer()
        let texts = ["Playing", "replayed plays", "ing [MASK]"]
        let kept = whole.neededTokens(for: Set(whole.encode(texts, maxLength: 50).joined()))
        let smaller = try whole.keeping(kept)
        #expect(smaller.vocabularySize == whole.vocabularySize - 2)
        for text in texts {
            let ids = smaller.encode(text, maxLength: 50)
            #expect(ids.map(smaller.token) == whole.encode(text, maxLength: 50).map(whole.token))
            #expect(ids.map { kept[Int($0)] } == whole.encode(text, maxLength: 50))
        }
        #expect(smaller.id(of: "unused") == nil && smaller.id(of: "##ing") == nil)
        #expect(smaller.encode("unusing", maxLength: 50).allSatisfy { $0 != smaller.special.unknown })
        #expect(smaller.special.pad == 0 && smaller.special.classification == 2 && smaller.digest != whole.digest)
    }

    @Test("It is written and read back as the same tokenizer")
    func files() throws {
        let whole = try tokenizer()
        let smaller = try whole.keeping(whole.neededTokens(for: [6, 7]))
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        try smaller.write(to: directory)
        let read = try TokenizerFiles.load(from: directory)
        #expect(read.digest == smaller.digest)
        #expect(read.encode("playing play", maxLength: 9) == smaller.encode("playing play", maxLength: 9))
    }

    @Test("Without one of the five tokens that the model needs there is none")
    func special() throws {
        let error = #expect(throws: InputError.self) { try tokenizer().keeping([0, 2, 3, 4, 6]) }
        #expect(error?.problem.contains("[MASK]") == true)
    }
}
