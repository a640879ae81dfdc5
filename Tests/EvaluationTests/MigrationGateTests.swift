import Evaluation
import Files
import Testing

@Suite("Gates of a migration")
struct MigrationGateTests {
    /// What one version answered to a row.
    private struct Side {
        var text: String
        var score: Double?
        var tokens: Int?
        var cost: Double?
        var latency: Double?

        var answer: MigrationRow.Answer {
            var answer = MigrationRow.Answer(
                text: text, promptTokens: tokens, completionTokens: tokens, latencyMs: latency, cost: cost)
            answer.score = score
            return answer
        }
    }

    private func migration(
        _ gate: String, strict: Bool = true, rows: Int = 60, old: (Int) -> Side, new: (Int) -> Side
    ) throws -> Migration {
        try Migration(
            old: "a", new: "b",
            rows: (0..<rows).map { row in
                MigrationRow(
                    id: "\(row)", owner: nil, priority: nil, prompt: "p", expected: "right", threshold: 0.99,
                    old: old(row).answer, new: new(row).answer, similarity: nil, checksJSON: false)
            }, gates: [MigrationGate(gate)], strict: strict, checksJSON: false, digests: [], commands: [], seed: 7)
    }

    @Test("a strict gate against the old version is about the rows' differences")
    func paired() throws {
        func text(_ row: Int) -> String { row % 4 == 0 ? "wrong" : "right" }
        // Two versions that fail on the very same rows are equally good, surely.
        let same = try migration("pass_rate >= old") {
            Side(text: text($0))
        } new: {
            Side(text: text($0))
        }
        #expect(same.passed && same.gates[0].margin == Estimate(value: 0, low: 0, high: 0))
        let worse = try migration("pass_rate >= old") {
            Side(text: text($0))
        } new: {
            Side(text: $0 % 4 < 2 ? "wrong" : "right")
        }
        #expect(!worse.passed && worse.gates[0].margin == worse.all.passDifference)
        let looser = try migration("pass_rate >= 0.5*old") {
            Side(text: text($0))
        } new: {
            Side(text: $0 % 4 < 2 ? "wrong" : "right")
        }
        let margin = try #require(looser.gates[0].margin)
        #expect(looser.passed && abs(margin.value - (0.5 - 0.375)) < 1e-12 && margin.low > 0)
    }

    @Test(
        "scores, tokens, costs and latencies are paired too",
        arguments: [
            "score >= old", "tokens <= 0.8*old", "cost <= 0.8*old", "latency_p50 <= 0.8*old", "latency_p90 <= old",
        ])
    func numbers(_ gate: String) throws {
        // Rows differ by a factor of a thousand, and versions by little on each.
        func size(_ row: Int) -> Double { [1, 10, 100, 1000][row % 4] * Double(10 + row) }
        func old(_ row: Int) -> Side {
            Side(
                text: "a", score: Double(row) / 100, tokens: Int(size(row)) * 10, cost: size(row), latency: size(row))
        }
        func new(_ row: Int, factor: Double, gain: Double) -> Side {
            Side(
                text: "a", score: Double(row) / 100 + gain, tokens: Int(size(row) * 10 * factor),
                cost: size(row) * factor, latency: size(row) * factor)
        }
        let better = try migration(gate, old: old) { new($0, factor: 0.7, gain: 0.01) }
        let margin = try #require(better.gates[0].margin)
        #expect(better.passed && margin.low <= margin.value && margin.value <= margin.high, "\(margin)")
        let worse = try migration(gate, old: old) { new($0, factor: 1.3, gain: -0.01) }
        #expect(!worse.passed && worse.gates[0].margin != nil)
    }

    @Test("against a number a share has Wilson's interval, a score the bootstrap's, and regressions their value")
    func againstNumbers() throws {
        let right = try migration("pass_rate >= 0.95") { _ in
            Side(text: "right")
        } new: { _ in
            Side(text: "right")
        }
        #expect(!right.passed && right.gates[0].margin?.high == 1 - 0.95)
        let scored = try migration("score >= 0.2") {
            Side(text: "a", score: Double($0) / 100)
        } new: {
            Side(text: "a", score: Double($0) / 100)
        }
        let margin = try #require(scored.gates[0].margin)
        #expect(abs(margin.value - (0.295 - 0.2)) < 1e-12 && margin.low > 0 && margin.high < 0.2)
        let none = try migration("regressions <= 0") { _ in
            Side(text: "right")
        } new: { _ in
            Side(text: "right")
        }
        #expect(none.passed && none.gates[0].margin == nil)
    }

    @Test(
        "what cannot fail, and what cannot be, is refused",
        arguments: [
            "pass_rate >= 0", "pass_rate <= 1", "pass_rate >= 1.5", "json_rate >= -1", "similarity >= -1", "cost >= 0",
            "cost <= 0*old", "latency_p50 <= -1*old", "regressions <= 1000000000", "regressions <= 60",
            "regressions >= 0",
        ])
    func certain(_ gate: String) {
        let error = #expect(throws: (any Error).self) {
            try migration(gate) { _ in
                Side(text: "right")
            } new: { _ in
                Side(text: "right")
            }
        }
        #expect(error.map { "\($0)".contains(gate) } == true, "\(String(describing: error))")
    }

    @Test("answers without token counts are counted, and gates on them refused with the count")
    func unknown() throws {
        func old(_ row: Int) -> Side { Side(text: "right", tokens: row == 3 ? nil : 5, latency: 2) }
        func new(_ row: Int) -> Side { Side(text: "right", tokens: 5, latency: 2) }
        let found = try migration("pass_rate >= old", old: old, new: new)
        #expect(found.all.old.promptTokens == nil && found.all.new.promptTokens == 300)
        #expect(found.all.old.withoutTokens == 1 && found.all.new.withoutTokens == 0)
        let words = "not known of 60 rows: the tokens, and so the cost, of 1 old and 0 new answers"
        #expect(found.lines.contains(words), "\(found.lines)")
        let error = #expect(throws: InputErrors.self) { try migration("tokens <= old", old: old, new: new) }
        #expect(error?.errors.first?.problem.contains("of 1 old and 0 new answers") == true)
    }
}
