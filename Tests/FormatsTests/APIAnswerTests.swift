import Formats
import Foundation
import Testing

@Suite("API answers")
struct APIAnswerTests {
    private func answer(_ line: String) -> APIAnswer {
        Array(line.utf8).withUnsafeBufferPointer { APIAnswer(line: $0) }
    }

    private func tokens(_ line: String) throws -> [APIAnswer.Token] {
        guard case .tokens(let tokens) = answer(line).outcome else {
            throw Unexpected(what: "\(answer(line).outcome)")
        }
        return tokens
    }

    private struct Unexpected: Error { let what: String }

    private func fault(_ line: String) -> APIAnswer.Fault? {
        guard case .unusable(let fault, _) = answer(line).outcome else { return nil }
        return fault
    }

    /// A chat completion with these tokens.
    private func chat(_ tokens: String) -> String {
        #"{"model":"m","choices":[{"index":0,"message":{"content":"x","refusal":null},"logprobs":{"content":[\#(tokens)]}}]}"#
    }

    private func entry(_ token: String, _ logprob: String, _ bytes: String = "null", top: String = "") -> String {
        #"{"token":\#(token),"logprob":\#(logprob),"bytes":\#(bytes),"top_logprobs":[\#(top)]}"#
    }

    @Test("of chat completions have each token's candidates; the chosen one is among them once")
    func chatCompletion() throws {
        let top = #"{"token":"b","logprob":-2.5,"bytes":[98]},{"token":"a","logprob":-0.25,"bytes":[97]}"#
        let read = answer(chat(entry("\"a\"", "-0.25", "[97]", top: top)))
        #expect(read.model == "m" && read.customID == nil)
        let token = try tokens(chat(entry("\"a\"", "-0.25", "[97]", top: top)))[0]
        #expect(token.chosen.bytes == [97] && token.chosen.logProbability == -0.25)
        #expect(token.candidates.map(\.text) == ["b", "a"])
        // A sampled token that is none of the likeliest joins them.
        let rare = try tokens(chat(entry("\"c\"", "-9", "[99]", top: top)))[0]
        #expect(rare.candidates.map(\.logProbability) == [-2.5, -0.25, -9])
    }

    @Test("of legacy completions have each token's candidates, bytes written out included")
    func legacyCompletion() throws {
        let line =
            #"{"choices":[{"text":"a","logprobs":{"top_logprobs":[{"a":-0.5,"bytes:\\xe2\\x80":-1.5},null],"#
            + #""token_logprobs":[-0.5,-0.125],"tokens":["a","bytes: \\xff"],"text_offset":[0,1]},"finish_reason":"stop"}]}"#
        let read = try tokens(line)
        #expect(read[0].candidates.map(\.bytes) == [[97], [0xE2, 0x80]])
        #expect(read[0].candidates.map(\.logProbability) == [-0.5, -1.5])
        #expect(read[1].chosen.bytes == [32, 0xFF] && read[1].candidates.count == 1)
    }

    @Test("of a batch are named by their custom_id, wherever it stands; failures say why")
    func batch() throws {
        let body = chat(entry("\"a\"", "-0.5"))
        let good = #"{"response":{"body":\#(body),"status_code":200},"error":null,"id":"batch_1","custom_id":"row-7"}"#
        #expect(answer(good).customID == "row-7" && answer(good).model == "m")
        #expect(try tokens(good).count == 1)
        let failed =
            #"{"custom_id":"x","response":{"status_code":429,"body":{"error":{"message":"too fast","code":1}}}}"#
        #expect(answer(failed).outcome == .unusable(.failed, "the request failed with status 429: too fast"))
        #expect(fault(#"{"custom_id":"x","response":null,"error":{"code":"expired","message":"late"}}"#) == .failed)
        #expect(fault(#"{"custom_id":"x","response":null,"error":null}"#) == .failed)
    }

    @Test("that are refusals or lack log-probabilities are told apart")
    func unusable() {
        #expect(fault(#"{"choices":[{"message":{"refusal":"no"},"logprobs":null}]}"#) == .refused)
        #expect(
            fault(#"{"choices":[{"finish_reason":"content_filter","logprobs":{"content":[]}}]}"#) == .refused)
        #expect(fault(#"{"choices":[{"message":{"content":"a"},"logprobs":null}]}"#) == .withoutLogProbabilities)
        #expect(fault(#"{"choices":[{"logprobs":{"content":null}}]}"#) == .withoutLogProbabilities)
        #expect(fault(#"{"choices":[{"logprobs":{"content":[]}}]}"#) == .withoutLogProbabilities)
        #expect(fault(#"{"choices":[]}"#) == .failed)
    }

    @Test("have the bytes of each token; without them only whole characters are known")
    func bytes() throws {
        let read = try tokens(
            chat(
                [entry("\"é\"", "-1"), entry("\"\u{FFFD}\"", "-1"), entry("\"\u{FFFD}\"", "-1", "[195]")].joined(
                    separator: ",")))
        #expect(read.map(\.chosen.bytes) == [[0xC3, 0xA9], nil, [0xC3]])
    }

    @Test("whose numbers are no log-probabilities are malformed, and nothing traps")
    func hostile() throws {
        for number in ["NaN", "Infinity", "-Infinity", "0.5", "1e999", "\"-1\"", "null", "[]", "{}", "true", "-", "01"]
        {
            #expect(fault(chat(entry("\"a\"", number))) == .malformed, "\(number)")
        }
        // What rounding can do is let pass, and −∞ is a probability of 0.
        #expect(try tokens(chat(entry("\"a\"", "0.0005")))[0].chosen.logProbability == 0)
        #expect(try tokens(chat(entry("\"a\"", "-1e999")))[0].chosen.logProbability == -.infinity)
        let sum = (0..<3).map { #"{"token":"\#($0)","logprob":-0.5}"# }.joined(separator: ",")
        #expect(fault(chat(entry("\"a\"", "-9", top: sum))) == .malformed)
        for line in [
            chat(entry("7", "-1")), chat(entry("\"a\"", "-1", "[256]")), chat(entry("\"a\"", "-1", "[-1]")),
            chat(entry("\"a\"", "-1", "[1.5]")), chat(entry("\"a\"", "-1", "\"a\"")), chat(#"{"logprob":-1}"#),
            chat("3"),
            chat(entry("\"a\\ud800\"", "-1")), #"{"choices":{"0":1}}"#, #"{"choices":[3]}"#, #"{"response":[]}"#, "[]",
            "7",
            #"{"choices":[{"logprobs":{"tokens":["a","b"],"token_logprobs":[-1]}}]}"#,
            #"{"choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[null]}}]}"#,
            #"{"choices":[{"logprobs":{"tokens":["a"],"token_logprobs":[-1],"top_logprobs":[{"a":"b"}]}}]}"#,
            #"{"custom_id":[1]}"#,
        ] {
            #expect(fault(line) == .malformed, "\(line)")
        }
    }

    @Test("cut off anywhere, nested deeply or very long are refused or read, and nothing traps")
    func damaged() throws {
        let line =
            #"{"custom_id":"é","response":{"status_code":200,"body":\#(chat(entry("\"é\"", "-0.5", "[195,169]")))}}"#
        let bytes = Array(line.utf8)
        for end in 1..<bytes.count {
            let cut = bytes[..<end].withUnsafeBufferPointer { APIAnswer(line: $0) }
            guard case .unusable(.malformed, _) = cut.outcome else {
                Issue.record("cut after \(end) bytes")
                continue
            }
        }
        for nest in [
            String(repeating: #"{"response":"#, count: 100_000), String(repeating: #"{"body":"#, count: 100_000),
            #"{"choices":[{"logprobs":{"content":["# + String(repeating: #"{"top_logprobs":["#, count: 100_000),
            #"{"x":"# + String(repeating: "[", count: 100_000),
            #"{"error":"# + String(repeating: #"{"message":"#, count: 100_000),
        ] {
            #expect(fault(nest) == .malformed)
        }
        let answers = GoldenFile.url("../../Answers/batch.jsonl")
        for copy in GoldenFile.damaged(try Data(contentsOf: answers), copies: 2000) {
            for line in copy.split(separator: UInt8(ascii: "\n")) {
                guard case .tokens(let tokens) = Array(line).withUnsafeBufferPointer({ APIAnswer(line: $0) }).outcome
                else {
                    continue
                }
                #expect(tokens.allSatisfy { $0.candidates.allSatisfy { $0.logProbability <= 0 } })
            }
        }
        let many = try tokens(
            chat(
                entry(
                    "\"a\"", "-0.5",
                    top: (0..<100_000).map { #"{"token":"\#($0)","logprob":-20}"# }.joined(separator: ","))))
        #expect(many[0].candidates.count == 100_001)
    }

    @Test("in a file are found line by line, and again by their place")
    func file() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("answers.jsonl")
            let lines = ["", #"{"custom_id":"a"}"# + "\r", "  ", "not json", #"{"custom_id":"b"}"#]
            try Data(lines.joined(separator: "\n").utf8).write(to: url)
            let file = try AnswerFile(reading: url)
            var (found, places): ([String?], [AnswerFile.Place]) = ([], [])
            file.forEachAnswer { place, answer, _ in
                found.append(answer.customID)
                places.append(place)
            }
            #expect(found == ["a", nil, "b"] && places.map(\.line) == [2, 4, 5])
            #expect(places.reversed().map { file.answer(at: $0).customID } == ["b", nil, "a"])
        }
    }
}
