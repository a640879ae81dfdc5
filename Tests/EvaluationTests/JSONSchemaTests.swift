import Evaluation
import Files
import Foundation
import Testing

@Suite("JSON Schemas that are none, and documents without end")
struct JSONSchemaTests {
    private func schema(_ text: String) throws -> JSONSchema {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try JSONSchema(reading: file)
    }

    @Test(
        "a keyword whose value is of another kind is refused with its place",
        arguments: [
            (#"{"minLength": "3"}"#, "#/minLength"), (#"{"minLength": 1e300}"#, "#/minLength"),
            (#"{"maxItems": -1}"#, "#/maxItems"), (#"{"maxItems": 1.5}"#, "#/maxItems"),
            (#"{"required": "a"}"#, "#/required"), (#"{"required": [1]}"#, "#/required"), (#"{"type": 5}"#, "#/type"),
            (#"{"type": "text"}"#, "#/type"), (#"{"type": []}"#, "#/type"), (#"{"enum": 1}"#, "#/enum"),
            (#"{"minimum": "1"}"#, "#/minimum"), (#"{"multipleOf": 0}"#, "#/multipleOf"),
            (#"{"uniqueItems": 1}"#, "#/uniqueItems"), (#"{"properties": []}"#, "#/properties"),
            (#"{"properties": {"a": {"items": 3}}}"#, "#/properties/a/items"), (#"{"anyOf": []}"#, "#/anyOf"),
            (#"{"allOf": {"type": "null"}}"#, "#/allOf"), (#"{"pattern": 3}"#, "#/pattern"),
            (#"{"pattern": "("}"#, "#/pattern"), (#"{"patternProperties": {"[": true}}"#, "#/patternProperties"),
            (#"{"dependentRequired": {"a": "b"}}"#, "#/dependentRequired/a"), (#"{"$ref": 3}"#, "#/$ref"),
            (##"{"$ref": "#/required", "required": []}"##, "#/required"),
            (#"{"not": [1]}"#, "#/not"), ("3", "#"),
        ])
    func illTyped(_ text: String, _ place: String) {
        let error = #expect(throws: InputError.self) { try schema(text) }
        #expect(error?.field == place && error?.remedy != nil, "\(String(describing: error))")
    }

    @Test("bounds of any size are held, and said without a crash")
    func bounds() throws {
        #expect(try schema(#"{"minLength": 9007199254740992}"#).fault(in: #""a""#)?.contains("shorter") == true)
        #expect(
            try schema(#"{"uniqueItems": true}"#).fault(in: "[1, {\"a\": 2}, {\"a\": 2.0}]")?.contains("twice") == true)
        #expect(throws: InputError.self) { try JSONSchema(reading: URL(fileURLWithPath: "/nowhere/at/all")) }
    }

    @Test("decimal fractions are multiples of decimal fractions")
    func multiples() throws {
        for (step, value, holds) in [
            ("0.01", "19.99", true), ("0.1", "0.3", true), ("0.01", "1e6", true), ("0.5", "7.5", true),
            ("3", "-9", true),
            ("0.01", "19.995", false), ("0.1", "0.35", false), ("3", "10", false), ("0.5", "0.25", false),
        ] {
            let fault = try schema("{\"multipleOf\": \(step)}").fault(in: value)
            #expect((fault == nil) == holds, "\(value) of \(step): \(fault ?? "")")
        }
    }

    @Test("what is nested 50,000 deep is refused in words")
    func deep() throws {
        let lists = String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000)
        let objects = String(repeating: #"{"not":"#, count: 50_000) + "true" + String(repeating: "}", count: 50_000)
        for text in [lists, objects] {
            #expect(try schema("{}").fault(in: text) == "is nested more than 200 deep")
            let error = #expect(throws: InputError.self) { try schema(text) }
            #expect(error?.problem == "is nested more than 200 deep")
        }
        let chain = (0..<5000).map { "\"d\($0)\": {\"$ref\": \"#/$defs/d\($0 + 1)\"}" }.joined(separator: ", ")
        let long = try schema("{\"$ref\": \"#/$defs/d0\", \"$defs\": {\(chain), \"d5000\": true}}")
        #expect(try long.fault(in: "1")?.contains("deeply") == true)
    }

    @Test("patterns and alternatives without end are refused, and long texts are not")
    func endless() throws {
        let pattern = try schema(#"{"pattern": "^(a+)+$"}"#)
        #expect(try pattern.fault(in: "\"\(String(repeating: "a", count: 5000))\"") == nil)
        // One backtracks without end, the other has no room to.
        for text in [String(repeating: "a", count: 60) + "b", String(repeating: "a", count: 2_000_000)] {
            let error = #expect(throws: InputError.self) { try pattern.fault(in: "\"\(text)\"") }
            #expect(error?.field == "pattern" && error?.problem.contains("takes too long") == true)
        }
        let search = try schema(#"{"pattern": "b$"}"#)
        #expect(try search.fault(in: "\"\(String(repeating: "a", count: 500_000))\"")?.contains("fit") == true)
        let circle = try schema(
            ##"{"anyOf": [{"allOf": [{"$ref": "#"}, {"type": "null"}]}, {"$ref": "#"}, {"$ref": "#"}]}"##)
        let endless = #expect(throws: InputError.self) { try circle.fault(in: "1") }
        #expect(endless?.problem.contains("without end") == true)
    }
}
