import Files
import Formats
import Foundation
import Testing

@Suite("Texts in batches")
struct TextBatchTests {
    private func write(_ text: String, _ name: String) throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)-\(name)")
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url
    }

    private func batches(_ url: URL, column: String = "text", size: Int) throws -> [TextRecords.Batch] {
        var batches: [TextRecords.Batch] = []
        try TextRecords.forEachBatch(of: DataAddress(url.path), column: column, size: size) { batches.append($0) }
        return batches
    }

    @Test(
        "give the texts that reading the whole file gives, and end at its last byte",
        arguments: [
            ("a.txt", (0..<300).map { "line \($0) é\n" }.joined()),
            ("a.csv", "label,text\n" + (0..<300).map { "x,\"row \($0)\nwith \"\"two\"\" lines\"\n" }.joined()),
            ("a.tsv", "text\tlabel\r\n" + (0..<300).map { "row \($0)\tx\r\n" }.joined()),
            ("a.jsonl", (0..<300).map { "{\"label\": \($0), \"text\": \"row \\u00e9 \($0)\"}\n" }.joined()),
            ("no-end.txt", "one\ntwo"),
        ])
    func sameTexts(_ name: String, _ content: String) throws {
        let url = try write(content, name)
        defer { unlink(url.path) }
        let whole = try TextRecords.read(url.path, columns: ["text"]).records.map { $0.fields[0] }
        for size in [1, 100, 1 << 20] {
            let batches = try batches(url, size: size)
            #expect(batches.flatMap(\.texts) == whole)
            #expect(batches.last?.bytesRead == content.utf8.count)
            #expect(batches.allSatisfy { !$0.texts.isEmpty })
            #expect(batches.map(\.bytesRead) == batches.map(\.bytesRead).sorted())
            if size == 1 { #expect(batches.count == whole.count) }
        }
    }

    @Test("stop at the first batch with a problem, with its line")
    func problems() throws {
        let url = try write("text,label\na,b\nc\nd,e\n" + String(repeating: "f,g\n", count: 1000), "a.csv")
        defer { unlink(url.path) }
        var texts: [String] = []
        let error = #expect(throws: InputErrors.self) {
            try TextRecords.forEachBatch(of: DataAddress(url.path), column: "text", size: 2) { texts += $0.texts }
        }
        #expect(error?.errors.first?.line == 3)
        #expect(texts == ["a"])
        let column = #expect(throws: InputErrors.self) { try batches(url, column: "txt", size: 1 << 20) }
        #expect(column?.errors.first?.remedy == "did you mean `text`?")
        let empty = try write("text\n", "empty.csv")
        defer { unlink(empty.path) }
        #expect(throws: InputErrors.self) { try batches(empty, size: 10) }
        #expect(throws: InputError.self) { try batches(FileManager.default.temporaryDirectory, size: 10) }
    }

    @Test("hand on what the reader of a batch throws")
    func stopping() throws {
        struct Stop: Error {}
        let url = try write("a\nb\nc\n", "a.txt")
        defer { unlink(url.path) }
        #expect(throws: Stop.self) {
            try TextRecords.forEachBatch(of: DataAddress(url.path), column: "text", size: 1) { _ in throw Stop() }
        }
    }
}
