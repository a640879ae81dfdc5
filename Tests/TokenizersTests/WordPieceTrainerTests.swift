import Files
import Foundation
import Testing
import Tokenizers

@Suite("WordPiece trainer")
struct WordPieceTrainerTests {
    static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    @Test("joins the most frequent pair, of equals the one with the smallest ids")
    func mergesByHand() throws {
        // Words: ab 5, abc 2, bc 1, aaa 2. Pairs: a ##b 7; a ##a, ##a ##a and ##b ##c 2; b ##c 1.
        // After ab, three are at 2: a ##a (5, 8), ##a ##a (8, 8), ab ##c (11, 10). The first takes ##a ##a away.
        let texts = [String](repeating: "ab AB", count: 2) + ["ab", "abc abc", "bc", "aaa aaa"]
        let alphabet = Self.special + ["a", "b", "c", "##a", "##b", "##c"]
        let tokenizer = try WordPieceTrainer(vocabularySize: 100).train(texts)
        #expect(tokenizer.vocabulary == alphabet + ["ab", "aa", "abc", "aaa"])
        let smaller = try WordPieceTrainer(vocabularySize: 13).train(texts)
        #expect(smaller.vocabulary == alphabet + ["ab", "aa"])
        let rarer = try WordPieceTrainer(vocabularySize: 100, minimumFrequency: 1).train(texts)
        #expect(rarer.vocabulary == alphabet + ["ab", "aa", "abc", "aaa", "bc"])
        let rarest = try WordPieceTrainer(vocabularySize: 100, minimumFrequency: 3).train(texts)
        #expect(rarest.vocabulary == alphabet + ["ab"])
    }

    @Test("learns every piece that the tokenizers package always learns")
    func referencePieces() throws {
        let golden = GoldenWordPiece.recorded
        let texts = golden.texts.filter { $0.unicodeScalars.count <= 100 }
        let tokenizer = try WordPieceTrainer(vocabularySize: golden.trainedSize).train(texts)
        #expect(tokenizer.vocabulary.count == golden.trainedSize)
        #expect(golden.trainedPieces.subtracting(tokenizer.vocabulary) == [])
    }

    @Test("depends on the texts only, not on their order")
    func determinism() throws {
        let texts = GoldenWordPiece.recorded.texts
        let trainer = WordPieceTrainer(vocabularySize: 700)
        let digest = try trainer.train(texts).digest
        #expect(try trainer.train(texts).digest == digest)
        #expect(try trainer.train(texts.reversed()).digest == digest)
    }

    @Test("can spell every word that it was trained on")
    func coverage() throws {
        let texts = GoldenWordPiece.recorded.texts.filter { !$0.contains("[") && $0.count < 150 }
        for lowercase in [true, false] {
            let tokenizer = try WordPieceTrainer(vocabularySize: 700, lowercase: lowercase).train(texts)
            #expect(tokenizer.lowercase == lowercase)
            #expect(tokenizer.vocabulary.starts(with: Self.special))
            for text in texts where tokenizer.words(text).allSatisfy({ $0.unicodeScalars.count <= 100 }) {
                #expect(
                    !tokenizer.encode(text, maxLength: 4096).contains(try #require(tokenizer.special.unknown)),
                    "\(text)")
            }
        }
    }

    @Test("keeps the thousand most frequent characters, and no word that is too long to encode")
    func alphabet() throws {
        let scalars = (0..<1200).compactMap { Unicode.Scalar(0x4E00 + $0) }
        let texts = scalars.prefix(1000).flatMap { ["\($0)", "\($0)"] } + scalars.dropFirst(1000).map { "\($0)" }
        let tokenizer = try WordPieceTrainer(vocabularySize: 5000).train(texts + [String(repeating: "z", count: 101)])
        #expect(tokenizer.vocabulary == Self.special + scalars.prefix(1000).map { "\($0)" })
    }

    @Test("says what is too small, or that there is nothing to learn from")
    func badInput() throws {
        let small = #expect(throws: InputError.self) { try WordPieceTrainer(vocabularySize: 6).train(["ab"]) }
        #expect(small?.problem == "6 is too small: the special tokens and characters alone are 8")
        #expect(try WordPieceTrainer(vocabularySize: 8).train(["ab"]).vocabulary.count == 8)
        #expect(throws: InputError.self) { try WordPieceTrainer(vocabularySize: -1).train(["ab"]) }
        for texts in [[], ["", " \n", "\u{0}"]] {
            #expect(throws: InputError.self) { try WordPieceTrainer(vocabularySize: 100).train(texts) }
        }
    }
}
