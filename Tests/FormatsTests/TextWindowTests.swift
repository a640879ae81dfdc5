import Files
import Formats
import Foundation
import PackedFiles
import Testing

/// Texts larger than the windows that they are read by.
@Suite("Long texts")
struct TextWindowTests {
    /// Rows of many lengths with characters of 1 to 4 bytes, so that windows end in the middle of all of them.
    private static func rows(_ count: Int) -> [String] {
        (0..<count).map { row in
            "row \(row) " + String(repeating: ["é", "中\n", "\u{1F600}", "\"", ","][row % 5], count: row % 97)
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    @Test("are read alike whole and in pieces, whatever a piece ends in", arguments: ["csv", "tsv", "jsonl", "txt"])
    func pieces(kind: String) throws {
        let rows = Self.rows(30_000)
        let content =
            switch kind {
            case "csv": "\u{FEFF}label,text\r\n" + rows.map { "1,\(Self.quoted($0))\r\n" }.joined()
            case "tsv": "text\tlabel\n" + rows.map { "\(Self.quoted($0))\t1\n" }.joined()
            case "jsonl":
                try rows.map { "{\"text\": \(String(decoding: try JSONEncoder().encode($0), as: UTF8.self))}\n" }
                    .joined()
            default: rows.map { $0.replacing("\n", with: " ") + "\n" }.joined()
            }
        #expect(content.utf8.count > 3 << 20)
        let expected = kind == "txt" ? rows.map { $0.replacing("\n", with: " ") } : rows
        try GoldenFile.withDirectory { directory in
            let plain = directory.appendingPathComponent("a.\(kind)")
            try Data(content.utf8).write(to: plain)
            let whole = try TextRecords.read(plain.path, columns: ["text"]).records
            #expect(whole.map { $0.fields[0] } == expected)
            let packed = directory.appendingPathComponent("a.\(kind).gz")
            try PackedFile.compressed("gz", Data(content.utf8)).write(to: packed)
            let streamed = try TextRecords.read(packed.path, columns: ["text"]).records
            #expect(streamed.map(\.fields) == whole.map(\.fields))
            #expect(streamed.map(\.line) == whole.map(\.line))
            let lines = content.utf8.count { $0 == UInt8(ascii: "\n") }
            #expect(whole.last.map { $0.line <= lines && $0.line > lines - 100 } == true)
        }
    }

    @Test("have records of up to 16 MiB; a longer one is refused with its line", arguments: ["csv", "csv.zst"])
    func longRecords(kind: String) throws {
        func read(_ text: String) throws -> [TextRecord] {
            try GoldenFile.withDirectory { directory in
                let url = directory.appendingPathComponent("a.\(kind)")
                let content = Data(text.utf8)
                try (kind == "csv" ? content : PackedFile.compressed("zst", content)).write(to: url)
                return try TextRecords.read(url.path, columns: ["text"]).records
            }
        }
        let long = String(repeating: "line\n", count: 2 << 20)
        let found = try read("text\na\n\"\(long)\"\nb\n")
        #expect(found.map(\.line) == [2, 3, 3 + (2 << 20) + 1])
        #expect(found[1].fields[0] == long)
        let error = #expect(throws: InputError.self) { try read("text\na\n\"\(long)\(long)\"\nb\n") }
        #expect(error?.line == 3)
        #expect(error?.problem == "has a record of more than 16 MiB")
    }

    @Test("that are not UTF-8 are refused with the line, also far from the start", arguments: ["txt", "txt.xz"])
    func invalidBytes(kind: String) throws {
        for bad in [[0xFF], [0xE4, 0xB8], [0xED, 0xA0, 0x80]] as [[UInt8]] {
            try GoldenFile.withDirectory { directory in
                let good = String(repeating: "ein Satz mit ß\n", count: 100_000)
                let content = Data(good.utf8) + bad + Data("\n".utf8)
                let url = directory.appendingPathComponent("a.\(kind)")
                try (kind == "txt" ? content : PackedFile.compressed("xz", content)).write(to: url)
                let error = #expect(throws: InputError.self) { try TextRecords.read(url.path, columns: ["text"]) }
                #expect(error?.line == 100_001)
                #expect(error?.problem.hasPrefix("is not valid UTF-8") == true)
            }
        }
    }

    @Test("that end after a limit are not judged beyond it")
    func limit() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("a.csv")
            try Data("text\na\nb\nc,d\n\"".utf8).write(to: url)
            var texts: [String] = []
            let extent = try TextRecords.forEach(in: DataAddress(url.path), columns: ["text"], limit: 2) {
                texts.append($0.fields[0])
            }
            #expect(texts == ["a", "b"] && extent.files == 1 && extent.entries == 0)
            #expect(throws: InputErrors.self) {
                try TextRecords.forEach(in: DataAddress(url.path), columns: ["txt"], limit: 2) { _ in }
            }
        }
    }

    @Test("leave out records that are not well formed where that was asked for, each told once")
    func leavingOut() throws {
        let csv = "text,label\na,1\nb\nc,1,2\n\"d\"x,\"e\"y\nf\rg,1\nh,1\n"
        let json = "{\"text\": \"a\", \"label\": 1}\nnonsense\n{}\n{\"text\": \"b\"}\n{\"text\": \"h\", \"label\": 1}\n"
        for (name, content, lines) in [("a.csv", csv, [3, 4, 5, 6]), ("a.jsonl", json, [2, 3, 4])] {
            try GoldenFile.withDirectory { directory in
                let url = directory.appendingPathComponent(name)
                try Data(content.utf8).write(to: url)
                var (texts, left): ([String], [InputError]) = ([], [])
                try TextRecords.forEach(
                    in: DataAddress(url.path), columns: ["text", "label"], leavingOut: { left.append($0) }
                ) { texts.append($0.fields[0]) }
                #expect(texts == ["a", "h"])
                #expect(left.map { $0.line ?? 0 }.sorted() == lines)
                #expect(left.allSatisfy { $0.file == url.path && $0.remedy != nil })
                // A column that is in no record is still an error.
                #expect(throws: InputErrors.self) {
                    try TextRecords.forEach(
                        in: DataAddress(url.path), columns: ["txt"], leavingOut: { _ in }
                    ) { _ in }
                }
            }
        }
    }
}
