import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Texts in archives and compressed files")
struct ArchivedTextTests {
    private static let csv =
        "text,label\n" + (0..<200).map { "\"row \($0)\nwith é, \"\"two\"\" lines\",\($0 % 2)\n" }.joined()
    private static let contents = [
        "csv": csv,
        "tsv": "text\tlabel\r\n" + (0..<200).map { "row \($0)\t\($0 % 2)\r\n" }.joined(),
        "jsonl": (0..<200).map { "{\"label\": \($0 % 2), \"text\": \"row \\u00e9 \($0)\"}\n" }.joined(),
    ]

    @Test("have the records of the plain file, under their own name", arguments: ["csv", "tsv", "jsonl"])
    func sameRecords(kind: String) throws {
        try GoldenFile.withDirectory { directory in
            let content = try #require(Self.contents[kind])
            let plain = try records(directory, "a.\(kind)", Data(content.utf8))
            #expect(plain.count == 200 && plain.allSatisfy { $0.file.hasSuffix("/a.\(kind)") })
            for compression in PackedFile.compressions {
                let name = "a.\(kind).\(compression)"
                let found = try records(directory, name, PackedFile.compressed(compression, Data(content.utf8)))
                expectSame(found, plain, name)
            }
            for archive in PackedFile.archives {
                let name = "\(kind).\(archive)"
                let packed = PackedFile.archive(
                    archive, [.init("README.md", "# Text"), .init("./train/a.\(kind)", content)])
                expectSame(try records(directory, name, packed), plain, "\(name):train/a.\(kind)")
            }
        }
    }

    @Test("are read from several members of gzip, and zeros after them are passed")
    func gzipMembers() throws {
        try GoldenFile.withDirectory { directory in
            let parts = ["text\nfirst li", "ne\nsecond\n"].map { PackedFile.compressed("gz", Data($0.utf8)) }
            let padded = parts[0] + parts[1] + Data(count: 100)
            let found = try texts(directory, "a.csv.gz", padded)
            #expect(found == ["first line", "second"])
            let error = #expect(throws: InputError.self) { try texts(directory, "a.csv.gz", padded + Data("x".utf8)) }
            #expect(error?.problem.hasPrefix("damaged") == true)
        }
    }

    @Test("are taken in the archive's order if all are of one kind", arguments: PackedFile.archives)
    func order(archive: String) throws {
        try GoldenFile.withDirectory { directory in
            let entries = [
                PackedFile.Entry("data/", mode: S_IFDIR | 0o755), .init("data/b.csv", "text\nb\n"),
                .init("data/._b.csv", "\u{0}\u{5}"), .init("__MACOSX/data/b.csv", "junk"), .init("LICENSE", "free"),
                .init("data/a.CSV", "text\na\n"), .init("data/inner.tar.gz", "not opened"),
            ]
            let found = try texts(directory, "a.\(archive)", PackedFile.archive(archive, entries))
            #expect(found == ["b", "a"])
        }
    }

    @Test("are chosen by a pattern after the archive's name")
    func chosen() throws {
        try GoldenFile.withDirectory { directory in
            let entries = ["train/1.csv", "test/1.csv", "train/2.csv", "train/2.jsonl", "notes.txt"].map {
                PackedFile.Entry($0, $0.hasSuffix("jsonl") ? "{\"text\": \"\($0)\"}" : "text\n\($0)\n")
            }
            let url = directory.appendingPathComponent("d.tar.zst")
            try PackedFile.archive("tar.zst", entries).write(to: url)
            func texts(_ entries: String) throws -> [String] {
                try TextRecords.read("\(url.path):\(entries)", columns: ["text"]).records.map { $0.fields[0] }
            }
            #expect(try texts("train/*.csv") == ["train/1.csv", "train/2.csv"])
            #expect(try texts("train/*") == ["train/1.csv", "train/2.csv", "train/2.jsonl"])
            #expect(try texts("test/1.csv") == ["test/1.csv"])
            let several = #expect(throws: InputError.self) {
                try TextRecords.read(url.path, columns: ["text"])
            }
            #expect(several?.problem.contains("test/1.csv, train/1.csv, train/2.csv, train/2.jsonl") == true)
            #expect(several?.problem.contains("notes.txt") == true)
            #expect(several?.remedy == "choose among them, as in \(url.path):train/2.jsonl")
            let none = #expect(throws: InputError.self) { try texts("trian/*.csv") }
            #expect(none?.problem == "no entry matches trian/*.csv")
            #expect(none?.remedy?.hasPrefix("its entries are train/1.csv, train/2.csv") == true)
        }
    }

    @Test("that are archives or compressed themselves are not opened", arguments: ["tar.gz", "zip"])
    func nested(archive: String) throws {
        try GoldenFile.withDirectory { directory in
            let inner = PackedFile.archive("tar.gz", [.init("a.csv", "text\na\n")])
            let url = directory.appendingPathComponent("d.\(archive)")
            try PackedFile.archive(archive, [.init(Array("inner.tar.gz".utf8), inner)]).write(to: url)
            let none = #expect(throws: InputError.self) { try TextRecords.read(url.path, columns: ["text"]) }
            #expect(none?.remedy == "its entries are inner.tar.gz")
            let asked = #expect(throws: InputError.self) {
                try TextRecords.read(url.path + ":inner.tar.gz", columns: ["text"])
            }
            #expect(asked?.file == url.path + ":inner.tar.gz")
            #expect(asked?.problem.contains("not opened") == true)
        }
    }

    @Test("name file, entry and line of what is wrong with them", arguments: PackedFile.archives)
    func places(archive: String) throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("d.\(archive)")
            func problems(_ second: PackedFile.Entry) throws -> [InputError] {
                try PackedFile.archive(archive, [.init("1.csv", "text,label\na,b\n"), second]).write(to: url)
                do {
                    _ = try TextRecords.read(url.path, columns: ["text", "label"])
                } catch let several as InputErrors {
                    return several.errors
                } catch let error as InputError {
                    return [error]
                }
                return []
            }
            let file = url.path + ":2.csv"
            let fields = try problems(.init("2.csv", "text,label\na,b\nc\n"))
            #expect(fields.map(\.file) == [file] && fields.map(\.line) == [3])
            let column = try problems(.init("2.csv", "txt,label\na,b\n"))
            #expect(column.map(\.file) == [file] && column.map(\.remedy) == ["did you mean `txt`?"])
            let encoding = try problems(.init(Array("2.csv".utf8), Data("text,label\na,b\n\u{e9}".utf8.dropLast())))
            #expect(encoding.map(\.file) == [file] && encoding.map(\.line) == [3])
            #expect(try problems(.init("2.csv")).map(\.problem) == ["is empty"])
            #expect(try problems(.init("2.csv", "text,label\n")).map(\.problem) == ["holds no records"])
        }
    }

    private func records(_ directory: URL, _ name: String, _ content: Data) throws -> [TextRecord] {
        let url = directory.appendingPathComponent(name)
        try content.write(to: url)
        return try TextRecords.read(url.path, columns: ["text", "label"]).records
    }

    private func texts(_ directory: URL, _ name: String, _ content: Data) throws -> [String] {
        let url = directory.appendingPathComponent(name)
        try content.write(to: url)
        return try TextRecords.read(url.path, columns: ["text"]).records.map { $0.fields[0] }
    }

    private func expectSame(_ found: [TextRecord], _ plain: [TextRecord], _ name: String) {
        #expect(found.map(\.fields) == plain.map(\.fields), "\(name)")
        #expect(found.map(\.line) == plain.map(\.line), "\(name)")
        #expect(found.allSatisfy { $0.file.hasSuffix("/" + name) }, "\(name): \(found.first?.file ?? "")")
    }
}
