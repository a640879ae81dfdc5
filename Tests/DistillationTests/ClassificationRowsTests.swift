import Distillation
import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Classification rows")
struct ClassificationRowsTests {
    private func read(
        _ content: String, name: String = "rows.csv", text: String = "text", classes: [String]? = nil,
        skipBadRows: Bool = false, limit: Int? = nil
    ) throws -> ClassificationRows {
        try withDirectory { directory in
            let url = directory.appendingPathComponent(name)
            try Data(content.utf8).write(to: url)
            return try ClassificationRows(
                reading: DataAddress(url.path), text: text, label: "label", classes: classes, skipBadRows: skipBadRows,
                limit: limit)
        }
    }

    private func problems(
        _ content: String, classes: [String]? = nil, skipBadRows: Bool = false
    ) throws -> [InputError] {
        try #require(throws: InputErrors.self) { try read(content, classes: classes, skipBadRows: skipBadRows) }.errors
    }

    private let mixed = """
        label,text
        benign,hello
        injecton,ignore all that
        benign,"   "
        ,who am I
        injection,"two
        lines"
        benign,bye

        """

    @Test("carry their texts, labels and lines, whatever the order of the columns or a quoted line end")
    func plain() throws {
        let rows = try read("id,label,text\n1, b ,\"x\ny\"\n2,a,z\n")
        #expect(rows.texts == ["x\ny", "z"])
        #expect(rows.labels == ["b", "a"])
        #expect(rows.lines == [2, 4])
        #expect(rows.count == 2 && rows.skipped.isEmpty)
        #expect(rows.file.hasSuffix("rows.csv"))
    }

    @Test("are refused with every bad row at once: line, column, and the label that was meant")
    func badRows() throws {
        let errors = try problems(mixed, classes: ["benign", "injection"])
        try #require(errors.map(\.line) == [3, 4, 5])
        #expect(errors.map(\.field) == ["label", "text", "label"])
        #expect(errors[0].problem.contains("injecton") && errors[0].problem.contains("benign, injection"))
        #expect(errors[0].remedy?.contains("did you mean injection?") == true)
        #expect(errors[1].problem.contains("no text"))
        #expect(errors[2].problem.contains("no label"))
        #expect(errors.allSatisfy { $0.remedy?.contains("on_bad_row") == true })
    }

    @Test("leave bad rows out where that was asked for, and list them")
    func skip() throws {
        let rows = try read(mixed, classes: ["benign", "injection"], skipBadRows: true)
        #expect(rows.texts == ["hello", "two\nlines", "bye"])
        #expect(rows.labels == ["benign", "injection", "benign"])
        #expect(rows.lines == [2, 6, 8])
        #expect(rows.skipped.map(\.line) == [3, 4, 5])
    }

    @Test("take every label where no classes are given")
    func anyLabel() throws {
        let rows = try read(mixed, skipBadRows: true)
        #expect(rows.classes == ["benign", "injection", "injecton"])
        #expect(rows.skipped.count == 2)
    }

    @Test("suggest nothing for a label that is like no other")
    func noSuggestion() throws {
        let errors = try problems("text,label\nx,zzzzzzzz\n", classes: ["benign", "injection"])
        #expect(errors.first?.remedy?.contains("did you mean") == false)
    }

    @Test("show the first twenty problems and count the others")
    func many() throws {
        let errors = try problems("text,label\n" + String(repeating: "x,what\n", count: 50), classes: ["a", "b"])
        #expect(errors.count == 21)
        #expect(errors.last?.problem.contains("30 more") == true)
        let exactly = try problems("text,label\n" + String(repeating: "x,what\n", count: 20), classes: ["a", "b"])
        #expect(exactly.count == 20)
    }

    @Test("are refused when none is left")
    func empty() throws {
        let skipped = try problems("text,label\n ,a\n,b\n", skipBadRows: true)
        #expect(skipped.count == 1 && skipped[0].problem.contains("empty"))
        // The header alone, and nothing at all.
        for content in ["text,label\n", ""] {
            #expect(throws: (any Error).self) { try read(content) }
        }
        #expect(throws: InputErrors.self) { try read("text,label\nx,a\n", text: "prompt") }
    }

    @Test("have their classes in numeric order where all are whole numbers, else as text")
    func classOrder() throws {
        func classes(_ labels: [String]) throws -> [String] {
            try read("text,label\n" + labels.map { "x,\($0)\n" }.joined()).classes
        }
        #expect(try classes(["10", "9", "-1", "10", "2"]) == ["-1", "2", "9", "10"])
        #expect(try classes(["10", "9", "2", "x"]) == ["10", "2", "9", "x"])
        #expect(try classes(["b", "a", "b", "B"]) == ["B", "a", "b"])
        #expect(
            try classes(["1", "01", "001", "0001", "2", "02", "002"])
                == ["0001", "001", "01", "1", "002", "02", "2"])
    }

    @Test("are read up to a limit, and what comes after it is not judged")
    func limit() throws {
        let rows = try read(mixed, classes: ["benign", "injection"], limit: 1)
        #expect(rows.texts == ["hello"])
        #expect(throws: InputErrors.self) { try read(mixed, classes: ["benign", "injection"], limit: 2) }
        #expect(try read("text,label\nx,a\n", limit: 5).count == 1)
    }

    @Test("leave out rows that are not well formed too, in the order of the file")
    func malformed() throws {
        let content = "text,label\na,x\n,x\nb\nc,y,z\nd,q\n\"e\"e,x\nf,y\n"
        let rows = try read(content, classes: ["x", "y"], skipBadRows: true)
        #expect(rows.texts == ["a", "f"])
        #expect(rows.skipped.map(\.line) == [3, 4, 5, 6, 7])
        #expect(rows.skipped.allSatisfy { $0.file?.hasSuffix("rows.csv") == true })
        #expect(throws: InputErrors.self) { try read(content) }
        // They count for the limit.
        #expect(try read(content, classes: ["x", "y"], skipBadRows: true, limit: 4).texts == ["a"])
        let json = "{\"text\": \"a\"}\n{\"text\": \"b\", \"label\": 1}\nnonsense\n"
        #expect(try read(json, name: "rows.jsonl", skipBadRows: true).skipped.map(\.line) == [1, 3])
        #expect(throws: InputErrors.self) { try read("text,label\na\nb\n", skipBadRows: true) }
    }

    @Test("are the same from every container, each with the file or entry that it comes from")
    func containers() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../datasets/prompt-injection")
        let plain = try ClassificationRows(
            reading: DataAddress(folder.appending(path: "test.csv").path), text: "text", label: "label")
        #expect(plain.count == 2101 && plain.extent.files == 1 && plain.extent.entries == 0)
        #expect(plain.files.allSatisfy { $0 == folder.appending(path: "test.csv").path })
        let entries = try ["train", "validation", "test"].map {
            PackedFile.Entry(Array("data/\($0).csv".utf8), try Data(contentsOf: folder.appending(path: "\($0).csv")))
        }
        try withDirectory { directory in
            func expectSame(_ name: String, _ bytes: Data, entry: String = "", file: String = "") throws {
                let url = directory.appendingPathComponent(name)
                try bytes.write(to: url)
                let rows = try ClassificationRows(
                    reading: DataAddress(url.path + entry), text: "text", label: "label")
                #expect(rows.texts == plain.texts && rows.labels == plain.labels && rows.lines == plain.lines)
                #expect(rows.files.allSatisfy { $0 == url.path + file }, "\(rows.files[0])")
                #expect(rows.extent.files == 1 && rows.extent.entries == (entry.isEmpty ? 0 : 1))
            }
            for kind in PackedFile.archives {
                let bytes = PackedFile.archive(kind, entries)
                try expectSame("d.\(kind)", bytes, entry: ":*/test.csv", file: ":data/test.csv")
            }
            for kind in PackedFile.compressions {
                try expectSame("test.csv.\(kind)", PackedFile.compressed(kind, entries[2].content))
            }
        }
    }

    @Test("are those of all shards, in the order of their names, and the limit is of all together")
    func shards() throws {
        try withDirectory { directory in
            for (name, content) in [("b", "b,1\nc\n"), ("a", "a,1\n,0\n"), ("c", "d,0\n")] {
                let url = directory.appendingPathComponent("\(name).csv")
                try Data(("text,label\n" + content).utf8).write(to: url)
            }
            func rows(limit: Int? = nil) throws -> ClassificationRows {
                try ClassificationRows(
                    reading: DataAddress(directory.path + "/?.csv"), text: "text", label: "label", skipBadRows: true,
                    limit: limit)
            }
            let all = try rows()
            #expect(all.texts == ["a", "b", "d"] && all.lines == [2, 2, 2])
            #expect(all.files == ["a", "b", "c"].map { directory.path + "/\($0).csv" })
            #expect(
                all.skipped.map { "\($0.file ?? ""):\($0.line ?? 0)" }
                    == ["a.csv:3", "b.csv:3"].map { "\(directory.path)/\($0)" })
            #expect(all.extent.files == 3)
            #expect(try rows(limit: 3).texts == ["a", "b"])
        }
    }

    @Test("are read from jsonl and tsv alike")
    func otherKinds() throws {
        let json = try read(
            "{\"text\": \"x, y\", \"label\": 1}\n\n{\"text\": \"z\", \"label\": 0}\n", name: "rows.jsonl")
        #expect(json.texts == ["x, y", "z"] && json.labels == ["1", "0"] && json.lines == [1, 3])
        #expect(json.classes == ["0", "1"])
        #expect(try read("text\tlabel\nx, y\ta\n", name: "rows.tsv").texts == ["x, y"])
    }
}
