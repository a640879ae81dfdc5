import Files
import Formats
import Foundation
import Testing

@Suite("Text records")
struct TextRecordsTests {
    @Test("reads csv as RFC 4180 quotes it, with the line of each record", arguments: ["\n", "\r\n"])
    func quoting(end: String) throws {
        let rows = [
            #"text,"label",id"#, #"plain,1,a"#, #""a, b",0,b"#, #""say ""hi""",1,c"#, "", #""two"#, #"lines","",d"#,
            #"it "is" fine,0,e"#, #"é 中 😀,1,"#,
        ]
        let expected = [
            Row(2, "plain", "1"), Row(3, "a, b", "0"), Row(4, #"say "hi""#, "1"),
            Row(6, "two\(end)lines", ""), Row(8, #"it "is" fine"#, "0"), Row(9, "é 中 😀", "1"),
        ]
        let content = rows.joined(separator: end)
        #expect(try rowsOf("a.csv", content) == expected)
        #expect(try rowsOf("a.csv", content + end) == expected)
        #expect(try rowsOf("A.CSV", "\u{FEFF}" + content) == expected)
    }

    @Test("takes the columns in the order asked for, and one column twice")
    func columnOrder() throws {
        let table = try read("a.csv", "x,y,z\n1,2,3\n", columns: ["z", "x", "z"])
        #expect(table.columns == ["z", "x", "z"])
        #expect(table.records.map(\.fields) == [["3", "1", "3"]])
    }

    @Test("separates tsv by tabs only")
    func tabs() throws {
        #expect(
            try rowsOf("a.tsv", "label\ttext\n1\ta, b\n0\t\"c\td\"\n") == [Row(2, "a, b", "1"), Row(3, "c\td", "0")])
    }

    @Test("reads each line of txt, also empty ones")
    func plainLines() throws {
        let table = try read("a.txt", "one, \"two\"\r\n\nthree\n", columns: ["text"])
        #expect(table.records.map(\.line) == [1, 2, 3])
        #expect(table.records.map(\.fields) == [["one, \"two\""], [""], ["three"]])
    }

    @Test("reads jsonl with numbers and booleans as they are written")
    func jsonLines() throws {
        let content = #"""
            {"text": "a \"b\" \u00e9\ud83d\ude00\n", "label": 1}

              { "label" :true, "x": [{"text": [1, -2.5e+3, null]}, "]}"], "text":"é"}  
            {"text": "", "label": "1"}
            {"label": -0.50, "text": "t"}
            {"label": 10E5, "text": "t", "label2": {}}
            """#
        let expected = [
            Row(1, "a \"b\" é😀\n", "1"), Row(3, "é", "true"), Row(4, "", "1"), Row(5, "t", "-0.50"),
            Row(6, "t", "10E5"),
        ]
        #expect(try rowsOf("a.jsonl", content) == expected)
        #expect(try rowsOf("a.ndjson", content.replacing("\n", with: "\r\n") + "\r\n") == expected)
    }

    @Test("names a missing column, and the nearest one that is there")
    func missingColumns() {
        let csv = problems("a.csv", "txet,lable\na,1\n")
        #expect(csv.map(\.field) == ["text", "label"])
        #expect(csv.map(\.line) == [1, 1])
        #expect(csv.map(\.remedy) == ["did you mean `txet`?", "did you mean `lable`?"])
        #expect(csv.first?.problem == "there is no such column; there are `txet`, `lable`")

        let json = problems("a.jsonl", #"{"text": "a", "lable": 1}"# + "\n" + #"{"text": "b", "lable": 0}"#)
        #expect(json.map(\.field) == ["label"])
        #expect(json.map(\.remedy) == ["did you mean `lable`?"])

        #expect(problems("a.txt", "one\n").map(\.field) == ["label"])
        #expect(problems("a.csv", "text,label,text\na,1,b\n").map(\.field) == ["text"])
    }

    @Test("names the line of every structural problem in a csv")
    func delimitedProblems() {
        let content = """
            text,label
            a,1
            b
            "c
            d",1,2
            "e"f,1
            "g,0
            h,1

            """
        let found = problems("a.csv", content)
        #expect(found.map(\.line) == [3, 4, 6, 7])
        #expect(
            found.map(\.problem) == [
                "has 1 fields; the header has 2", "has 3 fields; the header has 2", "has text after a closing quote",
                "has a quote that is never closed",
            ])
        #expect(problems("a.csv", "text,label\na,1\rb,0\n").first?.line == 2)
        #expect(problems("a.csv", "\"text,label\na,1\n").map(\.line) == [1])
    }

    @Test(
        "names the line of each object that is not valid JSON",
        arguments: [
            "[1]", "1", "{", #"{"text""#, #"{"text":}"#, #"{"text": "a"#, #"{"text": "a", }"#, #"{"text": "a"} x"#,
            #"{"text": "a\"#, #"{"text": "\q"}"#, #"{"text": "\ud83d"}"#, #"{"text": 01}"#, #"{"text": 1.}"#,
            #"{"text": -}"#,
            #"{"text": +1}"#, #"{"text": 1e}"#, #"{"text": nul}"#, #"{"text": null}"#, #"{"text": ["a"]}"#,
            #"{text: 1}"#,
            #"{"text": "a" "label": 1}"#, "{\"text\": \"a\tb\"}", #"{"text": "a", "text": "b"}"#,
            #"{"x": "# + String(repeating: "[", count: 100_000),
        ])
    func invalidJSON(line: String) {
        let good = #"{"text": "a", "label": 1}"#
        let found = problems("a.jsonl", "\(good)\n\(line)\n\(good)\n")
        #expect(found.map(\.line) == [2])
        // No field: the line itself is at fault, not that it lacks the label.
        #expect(found.map(\.field) == [nil])
    }

    @Test("names the lines of objects that lack a key")
    func missingKeys() {
        let content = #"{"text": "a", "label": 1}"# + "\n" + #"{"text": "b"}"# + "\n{}\n"
        let found = problems("a.jsonl", content)
        #expect(found.map(\.line) == [3, 2, 3])
        #expect(found.map(\.field) == ["text", "label", "label"])
    }

    @Test("says of optional columns which records lack them, or have null", arguments: ["csv", "jsonl", "txt"])
    func optionalColumns(kind: String) throws {
        let contents = [
            "csv": "text\na\nb\n", "txt": "a\nb\n",
            "jsonl": #"{"text": "a", "note": null}"# + "\n" + #"{"text": "b", "note": "n"}"# + "\n",
        ]
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).\(kind)")
        defer { try? FileManager.default.removeItem(at: file) }
        try contents[kind]?.write(to: file, atomically: true, encoding: .utf8)
        var records: [TextRecord] = []
        try TextRecords.forEach(in: DataAddress(file.path), columns: ["text", "note"], optional: ["note"]) {
            records.append($0)
        }
        #expect(records.map(\.fields) == [["a", ""], ["b", kind == "jsonl" ? "n" : ""]])
        #expect(records.map(\.lacking) == [[1], kind == "jsonl" ? [] : [1]])
    }

    @Test("shows the first twenty problems and counts the others")
    func manyProblems() {
        let found = problems("a.csv", "text,label\n" + String(repeating: "a\n", count: 50))
        #expect(found.count == 21)
        #expect(found[19].line == 21)
        #expect(found[20].problem == "and 30 more problems")
    }

    @Test("names the line of the first byte that is not UTF-8", arguments: ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
    func invalidEncoding(name: String) {
        for bad in [
            [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC0, 0xAF], [0xE4, 0xB8],
        ] as [[UInt8]] {
            let error = #expect(throws: InputError.self) {
                try read(name, Data("text,é\nok\nx".utf8) + bad + Data("\n".utf8))
            }
            #expect(error?.line == 3)
            #expect(error?.problem.hasPrefix("is not valid UTF-8") == true)
        }
        let utf16 = #expect(throws: InputError.self) { try read(name, Data([0xFF, 0xFE, 0x74, 0])) }
        #expect(utf16?.problem == "is UTF-16")
    }

    @Test("refuses files without content, of an unknown kind, or that are not there")
    func nothingToRead() throws {
        for content in ["", "\u{FEFF}"] {
            let error = #expect(throws: InputError.self) { try read("a.csv", content) }
            #expect(error?.problem == "is empty")
        }
        #expect(problems("a.csv", "\n\n").map(\.problem) == ["has no header row"])
        #expect(problems("a.csv", "text,label\n").map(\.problem) == ["holds no records"])
        #expect(problems("a.jsonl", "\n  \n").map(\.problem) == ["holds no records"])
        #expect(throws: InputError.self) { try read("a.xlsx", "text,label\na,1\n") }
        let absent = "/nowhere/a.csv"
        let error = #expect(throws: InputError.self) { try TextRecords.read(absent, columns: ["text"]) }
        #expect(error?.file == "/nowhere/a.csv")
    }

    @Test("reads the prompt-injection data set whole")
    func dataset() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../datasets/prompt-injection")
        for (name, rows, injections) in [
            ("train", 11_089, 4_786), ("validation", 2_101, 1_051), ("test", 2_101, 1_051),
        ] {
            let table = try TextRecords.read(folder.appending(path: "\(name).csv").path, columns: ["text", "label"])
            #expect(table.records.count == rows)
            #expect(table.records.count { $0.fields[1] == "1" } == injections)
            #expect(table.records.allSatisfy { !$0.fields[0].isEmpty })
        }
    }

    private struct Row: Equatable {
        let line: Int
        let text: String
        let label: String

        init(_ line: Int, _ text: String, _ label: String) {
            (self.line, self.text, self.label) = (line, text, label)
        }
    }

    private func rowsOf(_ name: String, _ content: String) throws -> [Row] {
        try read(name, content).records.map { Row($0.line, $0.fields[0], $0.fields[1]) }
    }

    private func read(_ name: String, _ content: String, columns: [String] = ["text", "label"]) throws -> TextTable {
        try read(name, Data(content.utf8), columns: columns)
    }

    private func read(_ name: String, _ content: Data, columns: [String] = ["text", "label"]) throws -> TextTable {
        let directory = FileManager.default.temporaryDirectory.appending(path: "retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: name)
        try content.write(to: file)
        return try TextRecords.read(file.path, columns: columns)
    }

    private func problems(_ name: String, _ content: String) -> [InputError] {
        let error = #expect(throws: InputErrors.self) { try read(name, content) }
        return error?.errors ?? []
    }
}
