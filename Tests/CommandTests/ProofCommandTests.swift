import Foundation
import Testing

@Suite("compare, bench and cascade")
struct ProofCommandTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    @Test("compare judges recorded answers by priority, with prices and a schema, and its gates end with exit code 1")
    func compare() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        var (data, old, new) = ("id,owner,priority,prompt,expected_output,similarity_threshold\n", "", "")
        for row in 0..<20 {
            data += "r\(row),team \(row % 3),\(row < 5 ? "high" : "low"),question \(row),,0.7\n"
            old += #"{"id":"r\#(row)","text":"{\"n\": \#(row)}","latency_ms":\#(100 + row),"# + Self.usage(100, 10)
            let text = row == 2 ? "I am sorry, but no." : #"{\"n\": \#(row)}"#
            new += #"{"id":"r\#(row)","text":"\#(text)","latency_ms":\#(50 + row),"# + Self.usage(100, 20)
        }
        try command.write(data, to: "prompts.csv")
        try command.write(old, to: "old.jsonl")
        try command.write(new, to: "new.jsonl")
        try command.write("version,input,output\nold,1,10\nnew,0.5,5\n", to: "prices.csv")
        try command.write(
            #"{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}"#, to: "schema.json")
        let arguments = [
            "compare", "old.jsonl", "new.jsonl", "--data", "prompts.csv", "--prices", "prices.csv", "--json-schema",
            "schema.json",
        ]
        let result = try command.start(
            arguments + ["--json", "--gate", "low: pass_rate >= old", "--gate", "high: regressions <= 0"]
        ).finish()
        #expect(result.status == 1 && result.errors.contains("r2 (high, team 2): regressed"), "\(result.errors)")
        let found = try object(result.output)
        let all = try #require(found["all"] as? [String: Any])
        #expect((all["verdicts"] as? [String: Int])?["same"] == 19 && found["regressions"] as? [String] == ["r2"])
        #expect(
            (all["risks"] as? [String: Int]) == [
                "regression": 1, "invalid_json": 1, "refusal": 1, "numbers_differ": 1, "longer": 1,
            ])
        #expect((found["gates"] as? [[String: Any]])?.map { $0["passed"] as? Bool } == [true, false])
        let cost = ["old", "new"].map { ((all[$0] as? [String: Any])?["cost"] as? Double) ?? 0 }
        #expect(abs(cost[0] - 20 * 200e-6) < 1e-12 && abs(cost[1] - 20 * 150e-6) < 1e-12)
        let latency = (all["new"] as? [String: Any])?["latency_ms"] as? [String: Any]
        #expect(latency?["p50"] as? Double == 59.5)
        let passed = try command.start(arguments + ["--gate", "cost <= 0.8*old", "--output", "out"]).finish()
        #expect(passed.status == 0 && passed.output.contains("gate cost <= 0.8*old: passed"), "\(passed.errors)")
        let verdicts = try String(
            contentsOf: command.folder.appendingPathComponent("out/verdicts.jsonl"), encoding: .utf8)
        #expect(verdicts.split(separator: "\n").count == 20)
        let unknown = try command.start(arguments + ["--gate", "mid: pass_rate >= 1"]).finish()
        #expect(unknown.status == 2 && unknown.errors.contains("no row has the priority mid"))
    }

    private static func usage(_ prompt: Int, _ completion: Int) -> String {
        #""usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion)}}"# + "\n"
    }

    @Test("bench times a model alone and beside another, with the number of queries")
    func bench() throws {
        try LetterModel.with { command in
            let result = try command.run(
                "bench", "model", "--queries", "6", "--warm-up", "1", "--max-tokens", "4", "--json")
            #expect(result.status == 0, "\(result.errors)")
            let first = try #require((try object(result.output)["results"] as? [[String: Any]])?.first)
            let single = try #require(first["single"] as? [String: Any])
            #expect(single["queries"] as? Int == 6)
            #expect(try #require(first["load_ms"] as? Double) > 0 && #require(first["peak_mb"] as? Double) > 1)
            #expect(try #require(first["tokens_per_second"] as? Double) > 0 && first["batched"] == nil)
            let both = try command.run("bench", "model", "--against", "model", "--queries", "3", "--max-tokens", "2")
            #expect(both.status == 0 && both.output.contains("as fast in single queries"), "\(both.errors)")
            let absent = try command.run("bench", "nowhere")
            #expect(absent.status == 2 && absent.errors.contains("nowhere"), "\(absent.errors)")
        }
    }

    @Test("cascade calibrate stores temperature, thresholds and digests, from recorded answers")
    func cascade() throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        var (data, student, teacher) = ("", "", "")
        for row in 0..<200 {
            let label = row % 2 == 0 ? "a" : "b"
            // Unsure rows are wrong every other time.
            let isUnsure = row % 5 == 0
            let isRight = !isUnsure || row % 10 == 0
            let score = isUnsure ? 0.55 : 0.97
            let own = isRight == (label == "a") ? score : 1 - score
            data += #"{"id":"r\#(row)","text":"text \#(row)","label":"\#(label)"}"# + "\n"
            student += #"{"id":"r\#(row)","scores":{"a":\#(own),"b":\#(1 - own)}}"# + "\n"
            let sure = label == "a" ? 0.9 : 0.1
            teacher += #"{"id":"r\#(row)","scores":{"a":\#(sure),"b":\#(1 - sure)}}"# + "\n"
        }
        for (text, name) in [(data, "rows.jsonl"), (student, "student.jsonl"), (teacher, "teacher.jsonl")] {
            try command.write(text, to: name)
        }
        let arguments = [
            "cascade", "calibrate", "--student", "student.jsonl", "--teacher", "teacher.jsonl", "--data", "rows.jsonl",
        ]
        let result = try command.start(arguments + ["--relative-cost", "0.1", "--output", "cascade.json"]).finish()
        #expect(result.status == 0 && result.output.contains("max_probability"), "\(result.errors)")
        let stored = try object(
            String(contentsOf: command.folder.appendingPathComponent("cascade.json"), encoding: .utf8))
        #expect((stored["digests"] as? [[String: Any]])?.count == 3)
        let cascade = try #require(stored["cascade"] as? [String: Any])
        let measures = try #require(cascade["measures"] as? [[String: Any]])
        let targets = try #require(measures[0]["targets"] as? [[String: Any]])
        let point = try #require(targets[2]["point"] as? [String: Any])
        let escalated = try #require(point["escalated"] as? Double)
        #expect(escalated > 0.1 && escalated < 0.3)
        let bare = try command.start(arguments).finish()
        #expect(bare.status == 2 && bare.errors.contains("--relative-cost"), "\(bare.errors)")
    }
}
