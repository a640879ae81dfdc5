import Foundation
import Testing
import Tokenizers

@Suite("Word counts")
struct WordCountsTests {
    private static func counter(limit: Int = WordCounts.usualLimit) -> WordCounts {
        WordPieceTrainer(vocabularySize: 1000).wordCounts(limit: limit)
    }

    private func contents(_ words: WordCounts) -> [String: Int] {
        var counts: [String: Int] = [:]
        words.forEachWord { counts[String(decoding: $0, as: UTF8.self)] = $1 }
        return counts
    }

    @Test("counts on all cores as one text after the other, in any batches")
    func batches() {
        let texts = (0..<2000).map { "w\($0 % 7) x\($0) Common" }
        var (whole, parts) = (Self.counter(), Self.counter())
        whole.add(texts)
        for start in stride(from: 0, to: texts.count, by: 37) {
            parts.add(Array(texts[start..<min(start + 37, texts.count)]))
        }
        var expected: [String: Int] = [:]
        for text in texts {
            for word in text.lowercased().split(separator: " ") { expected[String(word), default: 0] += 1 }
        }
        #expect(contents(whole) == expected)
        #expect(contents(parts) == expected)
        #expect(whole.total == 6000)
        #expect(whole.texts == 2000)
        #expect(whole.distinct == expected.count)
        #expect(whole.forgotten == 0)
    }

    @Test("forgets the rarest words when there are too many, and says how often they occurred")
    func bounded() {
        var words = Self.counter(limit: 100)
        for batch in 0..<20 { words.add((0..<60).map { "common rare\(batch * 60 + $0)" }) }
        #expect(words.distinct <= 100)
        #expect(contents(words)["common"] == 1200)
        #expect(words.total == 2400)
        #expect(words.forgotten == 2400 - contents(words).values.reduce(0, +))
    }

    @Test("forgets long words too")
    func longWords() {
        var words = Self.counter(limit: 10)
        words.add(["short short"] + (0..<8).map { String(repeating: "y", count: 90 + $0) })
        #expect(contents(words) == ["short": 2])
    }

    @Test("keeps words apart whose bytes differ")
    func equivalentWords() {
        var words = ByteLevelTrainer(vocabularySize: 1000).wordCounts()
        words.add(["\u{E9}", "e\u{308}", "\u{E9}"])
        // The pattern cuts a mark off its letter.
        #expect(words.distinct == 3)
    }
}
