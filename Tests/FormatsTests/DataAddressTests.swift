import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Addresses of data")
struct DataAddressTests {
    private func withShards(_ body: (String) throws -> Void) throws {
        try GoldenFile.withDirectory { directory in
            for (name, content) in [
                ("train-2.csv", "text,label\nb,1\n"), ("train-10.csv", "label,text\n1,a\n"),
                ("train-x.csv", "text,lable\nc,1\n"), ("odd:[1]*.csv", "text,label\nodd,1\n"),
            ] {
                try Data(content.utf8).write(to: directory.appendingPathComponent(name))
            }
            try PackedFile.compressed("gz", Data("{\"text\": \"z\", \"label\": 1}\n".utf8)).write(
                to: directory.appendingPathComponent("train-3.jsonl.gz"))
            try body(directory.path + "/")
        }
    }

    private func texts(_ address: String) throws -> [String] {
        try TextRecords.read(address, columns: ["text", "label"]).records.map { $0.fields[0] }
    }

    @Test("take all files that match, sorted by their bytes, of any kind")
    func shards() throws {
        try withShards { folder in
            #expect(try texts(folder + "train-[0-9]*.csv") == ["a", "b"])
            #expect(try texts(folder + "train-[0-9]*") == ["a", "b", "z"])
            var files: [String] = []
            let extent = try TextRecords.forEach(
                in: DataAddress(folder + "train-[0-9]*"), columns: ["text"]
            ) { files.append($0.file) }
            #expect(files == ["train-10.csv", "train-2.csv", "train-3.jsonl.gz"].map { folder + $0 })
            #expect(extent.files == 3)
        }
    }

    @Test("take a file under its own name first, whatever its characters")
    func literalNames() throws {
        try withShards { folder in
            let found = try texts(folder + "odd:[1]*.csv")
            #expect(found == ["odd"])
        }
    }

    @Test("refuse a shard without the columns, by its name")
    func missingColumns() throws {
        try withShards { folder in
            let error = #expect(throws: InputErrors.self) { try texts(folder + "train-*.csv") }
            #expect(error?.errors.map(\.file) == [folder + "train-x.csv"])
            #expect(error?.errors.first?.remedy == "did you mean `lable`?")
        }
    }

    @Test("that match nothing name the directory and what is most like them in it")
    func noMatch() throws {
        try withShards { folder in
            let error = #expect(throws: InputError.self) { try DataAddress(folder + "trian-*.csv") }
            #expect(error?.file == folder + "trian-*.csv" && error?.problem == "no file matches")
            #expect(error?.remedy?.hasPrefix("in \(folder.dropLast()) there is train-10.csv, train-2.csv") == true)
            let absent = #expect(throws: InputError.self) { try DataAddress(folder + "none/train.csv") }
            #expect(absent?.problem == "there is no such file")
            let directory = #expect(throws: InputError.self) { try DataAddress(String(folder.dropLast())) }
            #expect(directory?.problem == "is a directory")
        }
    }

    @Test("name entries of archives only, and files of known kinds only")
    func unknownKinds() throws {
        try withShards { folder in
            #expect(throws: InputError.self) { try DataAddress(folder + "train-2.csv:a.csv") }
            for name in ["a.parquet", "a.gz", "a.csv.lz4", "csv"] {
                try Data("text\na\n".utf8).write(to: URL(fileURLWithPath: folder + name))
                let error = #expect(throws: InputError.self) { try texts(folder + name) }
                #expect(error?.problem == "is of an unknown kind")
            }
        }
    }

    @Test("have a digest that covers every file that matches, and is a single file's own")
    func digests() throws {
        try withShards { folder in
            let one = try DataAddress(folder + "train-2.csv").digest()
            let own = try Digest.sha256(fileAt: URL(fileURLWithPath: folder + "train-2.csv"))
            #expect(one == own)
            let before = try DataAddress(folder + "train-[0-9]*.csv").digest()
            try Data("text,label\nB,1\n".utf8).write(to: URL(fileURLWithPath: folder + "train-2.csv"))
            #expect(try DataAddress(folder + "train-[0-9]*.csv").digest() != before)
            #expect(try DataAddress(folder + "train-2.csv").digest() != one)
        }
    }

    @Test("that is a pipe is refused at once, instead of waiting for a writer")
    func pipe() throws {
        try withShards { folder in
            let path = folder + "rows.csv"
            #expect(mkfifo(path, 0o600) == 0)
            let error = #expect(throws: InputError.self) { try DataAddress(path) }
            #expect(error?.file == path && error?.problem.contains("a pipe") == true)
            let link = folder + "link.csv"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/null")
            #expect(throws: InputError.self) { try DataAddress(link) }
        }
    }
}
