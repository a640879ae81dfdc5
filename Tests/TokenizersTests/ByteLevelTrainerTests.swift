import Files
import Foundation
import Testing
import Tokenizers

@Suite("Byte-level trainer")
struct ByteLevelTrainerTests {
    /// What `Tests/Golden/byte_level_training.py` recorded from the `tokenizers` package.
    struct Golden: Decodable {
        struct Case: Decodable, CustomStringConvertible {
            let corpus: String
            let size: Int
            let minimumFrequency: Int
            let special: [String]
            let count: Int
            /// SHA-256 of the tokens, a line each.
            let tokens: String
            /// SHA-256 of the merges, a line each.
            let merges: String
            let firstMerges: [String]

            var description: String { "\(corpus), \(size) tokens, at least \(minimumFrequency) times" }
        }

        let corpora: [String: [String]]
        let cases: [Case]

        static let recorded: Golden = {
            let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
                path: "../Golden/byte_level_training.json")
            do {
                return try JSONDecoder().decode(Golden.self, from: try Data(contentsOf: file))
            } catch {
                fatalError("\(file.path): \(error)")
            }
        }()
    }

    private func train(_ trainer: ByteLevelTrainer, _ texts: [String]) throws -> ByteLevelVocabulary {
        var words = trainer.wordCounts()
        words.add(texts)
        return try trainer.train(words)
    }

    @Test("learns the tokens and merges of the tokenizers package, in their order", arguments: Golden.recorded.cases)
    func reference(_ recorded: Golden.Case) throws {
        let trainer = ByteLevelTrainer(
            vocabularySize: recorded.size, minimumFrequency: recorded.minimumFrequency, special: recorded.special)
        let trained = try train(trainer, try #require(Golden.recorded.corpora[recorded.corpus]))
        let merges = trained.merges.map { "\($0.first) \($0.second)" }
        #expect(trained.tokens.count == recorded.count)
        #expect(Array(merges.prefix(recorded.firstMerges.count)) == recorded.firstMerges)
        #expect(Digest.sha256(trained.tokens.joined(separator: "\n")) == recorded.tokens)
        #expect(Digest.sha256(merges.joined(separator: "\n")) == recorded.merges)
    }

    @Test("what it writes is read as a tokenizer that spells every text and gives it back")
    func roundTrip() throws {
        let texts = try #require(Golden.recorded.corpora["scripts"])
        let trained = try train(ByteLevelTrainer(vocabularySize: 400), texts)
        try withTemporaryDirectory { directory in
            try trained.write(to: directory)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            #expect(Set(names) == Set(ByteLevelVocabulary.files))
            let tokenizer = try TokenizerFiles.load(from: directory)
            #expect(tokenizer.vocabularySize == trained.tokens.count)
            for text in texts + ["never seen \u{0} ꙮ<|endoftext|>"] {
                let ids = tokenizer.encode(text, maxLength: 1 << 20)
                #expect(tokenizer.decode(ids, skippingSpecialTokens: false) == text)
            }
            #expect(tokenizer.encode("<|endoftext|>", maxLength: 9) == [0])
        }
    }

    @Test("says what is too small, twice there, or missing")
    func badInput() throws {
        let small = #expect(throws: InputError.self) { try train(ByteLevelTrainer(vocabularySize: 256), ["ab"]) }
        #expect(small?.problem == "256 is too small: the special tokens and characters alone are 257")
        #expect(try train(ByteLevelTrainer(vocabularySize: 257), ["ab"]).tokens.count == 257)
        #expect(throws: InputError.self) {
            try train(ByteLevelTrainer(vocabularySize: 300, special: ["a", "a"]), ["ab"])
        }
        #expect(throws: InputError.self) { try train(ByteLevelTrainer(vocabularySize: 300, special: [""]), ["ab"]) }
        for texts in [[], [""]] {
            #expect(throws: InputError.self) { try train(ByteLevelTrainer(vocabularySize: 300), texts) }
        }
    }

    @Test("stops when progress says so")
    func stopping() throws {
        struct Stop: Error {}
        let trainer = ByteLevelTrainer(vocabularySize: 900)
        var words = trainer.wordCounts()
        words.add(try #require(Golden.recorded.corpora["prompts"]))
        var calls: [Int] = []
        #expect(throws: Stop.self) {
            try trainer.train(words) { pieces, _ in
                calls.append(pieces)
                if calls.count == 3 { throw Stop() }
            }
        }
        #expect(calls == [289, 321, 353])
    }
}
