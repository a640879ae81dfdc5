import Foundation
import Testing
import Tokenizers

@Suite("Regular expressions of a tokenizer.json")
struct PatternTests {
    /// A tokenizer whose every part of a text is one unknown word, so that offsets tell where the pattern cuts.
    private func splitter(_ pattern: String) throws -> any Tokenizer {
        let json = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\(pattern.replacing("\\", with: "\\\\"))"},
              "behavior": "Isolated", "invert": false}, "post_processor": null, "decoder": null,
             "model": {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {"?": 0}}}
            """
        return try withTemporaryDirectory { directory in
            try Data(json.utf8).write(to: directory.appending(path: "tokenizer.json"))
            return try TokenizerFiles.load(from: directory)
        }
    }

    private func parts(_ tokenizer: any Tokenizer, _ text: String) -> [Range<Int>] {
        tokenizer.encoding(of: text).offsets
    }

    @Test(
        "a pattern that could be tried in countless ways ends soon", .timeLimit(.minutes(10)),
        arguments: [
            String(repeating: "a?", count: 40) + "b", String(repeating: "a{0,16}", count: 12) + "b", "a*a*a*b", "a+b",
        ])
    func countlessWays(_ pattern: String) throws {
        #expect(parts(try splitter(pattern), String(repeating: "a", count: 20_000)) == [0..<20_000])
    }

    @Test("a long run of ideographs is one part of GPT-4o's pattern", .timeLimit(.minutes(10)))
    func ideographs() throws {
        let pattern = #"[\p{Lu}\p{Lo}]*[\p{Ll}\p{Lo}]+(?i:'s|'t)?|[\p{Lu}\p{Lo}]+[\p{Ll}\p{Lo}]*(?i:'s|'t)?"#
        #expect(parts(try splitter(pattern), String(repeating: "中", count: 50_000)) == [0..<50_000])
    }

    @Test(
        "what is remembered of failures changes no match",
        arguments: [
            "a*b?a+c", "a{2,3}b*a?", "(?:ab|a)b*(?!c)", "a+(?!a)|b{1,2}a*", "[ab]*b+a|é*b", "(a|b)?c+", "a{3,}b?",
        ])
    func remembered(_ pattern: String) throws {
        // A run that is tried in 2^40 ways brings the search to remember; then come the texts themselves.
        let costly = String(repeating: "x", count: 40)
        let tokenizer = try splitter(String(repeating: "x?", count: 40) + "y|" + pattern)
        var state: UInt32 = 7
        for _ in 0..<100 {
            var text = ""
            for _ in 0..<24 {
                state = state &* 1_664_525 &+ 1_013_904_223
                text += ["a", "a", "b", "c", "é"][Int(state >> 16) % 5]
            }
            let plain = parts(tokenizer, "z" + text).map { max($0.lowerBound, 1) + 39..<$0.upperBound + 39 }
            let after = parts(tokenizer, costly + text).map { max($0.lowerBound, 40)..<max($0.upperBound, 40) }
            #expect(plain.filter { !$0.isEmpty } == after.filter { !$0.isEmpty }, "\(text)")
        }
    }
}
