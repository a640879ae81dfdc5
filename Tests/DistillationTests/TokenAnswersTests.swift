import Distillation
import Files
import Formats
import Foundation
import Testing
import Tokenizers

/// Answers to the prompt `b`, laid over a byte-level vocabulary of eight tokens.
@Suite("Answers mapped to a student's tokens")
struct TokenAnswersTests {
    /// Ids 0 to 7: blank, a, b, c, the two bytes of é, ab, and c with a blank before it.
    private static let vocabulary = ["Ġ", "a", "b", "c", "Ã", "©", "ab", "Ġc"]

    /// A token of an answer: its text, its bytes where they are given, and its candidates.
    private typealias Token = (text: String, bytes: [UInt8]?, candidates: [(String, [UInt8]?, Double)])

    private func tokenizer(in directory: URL) throws -> any Tokenizer {
        let entries = Self.vocabulary.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let level = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#
        let text =
            #"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":\#(level),"#
            + #""post_processor":null,"decoder":\#(level),"model":{"type":"BPE","dropout":null,"unk_token":null,"#
            + #""continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"#
            + #""vocab":{\#(entries)},"merges":["a b","Ġ c"]}}"#
        try Data(text.utf8).write(to: directory.appendingPathComponent("tokenizer.json"))
        return try TokenizerFiles.load(from: directory)
    }

    private func line(_ tokens: [Token]) throws -> Data {
        func entry(_ text: String, _ bytes: [UInt8]?, _ mass: Double) -> [String: Any] {
            ["token": text, "logprob": log(mass), "bytes": bytes.map { $0.map(Int.init) } ?? NSNull()]
        }
        let content = tokens.map { token in
            let own = token.candidates[0]
            return entry(own.0, own.1, own.2).merging(
                ["top_logprobs": token.candidates.map { entry($0.0, $0.1, $0.2) }], uniquingKeysWith: { $1 })
        }
        let answer: [String: Any] = ["custom_id": "row-1", "choices": [["logprobs": ["content": content]]]]
        return try JSONSerialization.data(withJSONObject: answer)
    }

    /// What comes of one answer; the first candidate of each token is the chosen one.
    private func map(
        _ answer: [[(String, [UInt8]?, Double)]], prompt: String = "b", maxLength: Int = 16,
        _ body: (TokenAnswers, SoftTargets?, AnswerIssues) throws -> Void
    ) throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("answers.jsonl")
            try line(answer.map { ($0[0].0, $0[0].1, $0) }).write(to: url)
            let rows = AnswerRows(texts: [prompt], ids: nil, places: [("data", 1)])
            var issues = AnswerIssues()
            let join = try AnswerJoin([AnswerFile(reading: url)], rows: rows, issues: &issues) { _, _ in }
            let answers = try TokenAnswers(
                join, rows, tokenizer: tokenizer(in: directory), maxLength: maxLength, kept: 3, outcomes: 8,
                issues: &issues
            ) { _, _ in }
            guard !answers.sequences.isEmpty else { return try body(answers, nil, issues) }
            let targets = directory.appendingPathComponent("targets.h5")
            try answers.write(to: targets, digests: [:], notes: [:]) { _, _ in }
            let read = try SoftTargets(reading: targets, outcomes: 8)
            try read.validate()
            try body(answers, read, issues)
        }
    }

    private func plain(_ candidates: (String, Double)...) -> [(String, [UInt8]?, Double)] {
        candidates.map { ($0.0, Array($0.0.utf8), $0.1) }
    }

    private func isClose(_ found: some Collection<Float>, _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }
    }

    @Test("stand at the position before a token that begins where one of the answer does; the rest is an even tail")
    func aligned() throws {
        try map([plain(("ab", 0.5), ("a", 0.2), ("abc", 0.2)), plain((" c", 0.9), ("c", 0.05))]) {
            answers, targets, _ in
            #expect(answers.sequences == [[2, 6, 7]] && answers.targets == 2 && answers.answerTokens == 2)
            #expect(abs(answers.unmappedMass.mean - 0.175) < 1e-6)
            let targets = try #require(targets)
            let found = try targets.likeliest(for: [[2, 6, 7]], scope: .position, temperature: 2)
            // What has no candidate left is filled with the last ids; the last position predicts nothing that is known.
            #expect(found.ids == [6, 1, 7, 7, 3, 6, 7, 6, 5])
            #expect(isClose(found.logProbabilities.map { exp($0) }, [0.5, 0.2, 0, 0.9, 0.05, 0, 0, 0, 0]))
            // c_2 = log(Σ √p + √5 · √r), with r = 0.3, 0.05 and 1.
            let expected = [
                log(0.707_106_78 + 0.447_213_60 + 2.236_067_98 * 0.547_722_56),
                log(0.948_683_30 + 0.223_606_80 + 2.236_067_98 * 0.223_606_80), log(2.236_067_98),
            ]
            #expect(zip(found.logNormalizers, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
        }
    }

    @Test("are taken where the teacher's tokens are smaller, and left out where they are larger")
    func boundaries() throws {
        try map([plain(("a", 0.7), ("ab", 0.1)), plain(("b", 1)), plain((" c", 0.5))]) { answers, targets, _ in
            #expect(answers.targets == 2 && answers.answerTokens == 2)
            let found = try #require(targets).likeliest(for: [[2, 6, 7]], scope: .position, temperature: 1)
            #expect(Array(found.ids.prefix(2)) == [1, 6] && found.ids[3] == 7)
        }
        try map([plain(("ab c", 0.5), ("a", 0.25))]) { answers, targets, _ in
            #expect(answers.targets == 1 && answers.answerTokens == 2)
            let found = try #require(targets).likeliest(for: [[2, 6, 7]], scope: .position, temperature: 1)
            #expect(found.ids[0] == 1 && found.logProbabilities[3...].allSatisfy { $0 == -.infinity })
        }
    }

    @Test("follow characters that are split over tokens by their bytes; without bytes there are no targets")
    func bytes() throws {
        let halves: [[(String, [UInt8]?, Double)]] = [
            [("\u{FFFD}", [0xC3], 0.5), ("a", nil, 0.25)], [("\u{FFFD}", [0xA9], 1)],
        ]
        try map(halves) { answers, targets, _ in
            #expect(answers.sequences == [[2, 4, 5]] && answers.targets == 2)
            let found = try #require(targets).likeliest(for: [[2, 4, 5]], scope: .position, temperature: 1)
            #expect(found.ids[..<2] == [4, 1] && found.ids[3] == 5)
        }
        // A character that the end of the answer cuts off is left out.
        try map([plain(("a", 0.5)), [("\u{FFFD}", [0xC3], 0.5)]]) { answers, _, _ in
            #expect(answers.sequences == [[2, 1]] && answers.targets == 1)
        }
        try map([[("\u{FFFD}", nil, 0.5)], [("\u{FFFD}", nil, 0.5)]]) { answers, _, issues in
            #expect(answers.matched == 0 && issues.counts == [.unaligned: 1])
        }
        // é as one token is none of the student's: nothing to record.
        try map([plain(("é", 0.5))]) { answers, _, issues in
            #expect(answers.matched == 0 && issues.counts == [.unaligned: 1])
        }
    }

    @Test("end with the longest input, and need a token that does not begin in the prompt")
    func limits() throws {
        try map([plain(("ab", 0.5)), plain((" c", 0.9))], maxLength: 2) { answers, _, _ in
            #expect(answers.sequences == [[2, 6]] && answers.targets == 1 && answers.answerTokens == 1)
        }
        try map([plain(("b", 0.5))], prompt: "a") { answers, _, issues in
            #expect(answers.matched == 0 && issues.counts == [.unaligned: 1])
        }
    }
}
