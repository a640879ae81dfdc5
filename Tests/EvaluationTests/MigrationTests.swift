import Evaluation
import Files
import Foundation
import Testing

@Suite("A migration from one version to another")
struct MigrationTests {
    private func row(
        _ old: String, _ new: String, expected: String? = nil, scores: (Double, Double)? = nil,
        similarity: Double? = nil,
        faults: (String?, String?)? = nil, priority: String? = nil, id: String = "1"
    ) -> MigrationRow {
        var (before, after) = (MigrationRow.Answer(text: old), MigrationRow.Answer(text: new))
        (before.score, after.score) = (scores?.0, scores?.1)
        (before.jsonFault, after.jsonFault) = faults ?? (nil, nil)
        return MigrationRow(
            id: id, owner: nil, priority: priority, prompt: "p", expected: expected, threshold: 0.8, old: before,
            new: after, similarity: similarity, checksJSON: faults != nil)
    }

    @Test("a verdict compares both answers with what is expected, or the new one with the old")
    func verdicts() {
        #expect(row("yes", " yes\n").verdict == .same)
        #expect(row("yes", "yeah", similarity: 0.9).verdict == .equivalent)
        #expect(row("yes", "no", similarity: 0.5).verdict == .regressed)
        #expect(row("a", "b", expected: "b").verdict == .improved)
        #expect(row("a", "b", expected: "a").verdict == .regressed)
        #expect(row("a", "b", expected: "c", scores: (0.1, 0.2)).verdict == .failing)
        #expect(row("a", "b", expected: "c", scores: (0.8, 0.9)).verdict == .equivalent)
        #expect(row("{}", "{", faults: (nil, "is no JSON")).verdict == .regressed)
        #expect(row("{}", "[]", faults: (nil, nil)).verdict == .equivalent)
    }

    @Test("risks are named")
    func risks() {
        #expect(row("It is 5 or 1,000.", "It is 5 or 2000.", similarity: 1).risks == [.numbersDiffer])
        #expect(row("It is 1,000.", "It's 1000.", similarity: 1).risks.isEmpty)
        #expect(row("an answer", "", similarity: 0).risks == [.regression, .empty])
        #expect(row("sure, this is it", "I’m sorry, but no", similarity: 0).risks == [.regression, .refusal])
        #expect(
            row("{}", "```json\n{}\n```", faults: (nil, "is no JSON")).risks == [.regression, .fencedJSON, .longer])
        #expect(row("abcdef", "abc", similarity: 1).risks == [.shorter])
    }

    @Test("gates hold for all rows, or for those of one priority")
    func gates() throws {
        let rows = (0..<40).map {
            row(
                "a", $0 < 4 ? "b" : "a", expected: "a", priority: $0 % 2 == 0 ? "high" : "low", id: "r\($0)")
        }
        func migration(_ gates: String..., strict: Bool = false) throws -> Migration {
            try Migration(
                old: "a", new: "b", rows: rows, gates: gates.map { text throws(InputError) in try MigrationGate(text) },
                strict: strict, checksJSON: false, digests: [], commands: [])
        }
        let judged = try migration(
            "pass_rate >= 0.9", "high: regressions <= 1", "low: regressions <= 2", "pass_rate >= old")
        #expect(judged.gates.map(\.passed) == [true, false, true, false])
        #expect(judged.all.passDifference.value == -0.1 && abs(judged.all.mcnemarP - 0.125) < 1e-12)
        #expect(judged.risky.map(\.id) == ["r0", "r1", "r2", "r3"])
        #expect(try !migration("pass_rate >= 0.9", strict: true).passed)
        for wrong in [
            "pass_rate", "pass >= 1", "regressions <= old", "pass_rate >= new", "cost <= old", "mid: pass_rate >= 1",
        ] {
            #expect(throws: (any Error).self, "\(wrong)") { try migration(wrong) }
        }
        let object = try JSONSerialization.jsonObject(with: judged.json()) as? [String: Any]
        #expect(object?["schema"] as? Int == 1 && (object?["regressions"] as? [String])?.count == 4)
    }

    @Test("a schema decides about types, members, bounds, combinations and references; unknown keywords are refused")
    func schemas() throws {
        func schema(_ text: String) throws -> JSONSchema {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
            defer { try? FileManager.default.removeItem(at: file) }
            try text.write(to: file, atomically: true, encoding: .utf8)
            return try JSONSchema(reading: file)
        }
        let person = try schema(
            ##"{"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}, "##
                + ##""age": {"$ref": "#/$defs/age"}}, "additionalProperties": false, "##
                + ##""$defs": {"age": {"type": "integer", "minimum": 0}}}"##)
        #expect(try person.fault(in: #"{"name": "x", "age": 3}"#) == nil)
        for (text, word) in [
            ("{", "no JSON"), (#"{"name": "x",}"#, "no JSON"), ("01", "no JSON"), ("[]", "type object"),
            ("{}", "lacks name"), (#"{"name": ""}"#, "shorter"),
            (#"{"name": "x", "age": 1.5}"#, "$.age"), (#"{"name": "x", "b": 1}"#, "b is not allowed"),
        ] {
            let fault = try person.fault(in: text)
            #expect(fault?.contains(word) == true, "\(text): \(fault ?? "none")")
        }
        #expect(throws: InputError.self) { try schema(#"{"unevaluatedProperties": false}"#) }
        #expect(throws: InputError.self) { try schema(##"{"$ref": "#/nowhere"}"##) }
        let endless = try schema(##"{"$ref": "#"}"##)
        #expect(try endless.fault(in: "1") != nil)
    }
}
