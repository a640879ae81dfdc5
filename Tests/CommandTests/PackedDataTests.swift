import Foundation
import PackedFiles
import Testing

@Suite("Data in archives and shards goes where plain files go")
struct PackedDataTests {
    private func rows(_ name: String, in command: Command) throws -> Data {
        try Data(contentsOf: command.folder.appendingPathComponent(name))
    }

    /// The splits that `retort check --json` tells of.
    private func splits(_ command: Command, _ overrides: String...) throws -> [[String: Any]] {
        let running = try command.start(["check", "tiny.yaml", "--json"] + overrides)
        let result = try running.finish()
        #expect(result.status == 0, "\(result.errors)")
        let plan = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        return try #require(plan?["splits"] as? [[String: Any]])
    }

    @Test("check counts the same rows and classes, and says how many files and entries they come from")
    func check() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let plain = try splits(command)
        let entries = try ["train", "validation", "test"].map {
            PackedFile.Entry(Array("\($0).csv".utf8), try rows("\($0).csv", in: command))
        }
        try PackedFile.archive("tar.gz", entries).write(to: command.folder.appendingPathComponent("all.tar.gz"))
        try PackedFile.compressed("zst", entries[2].content).write(
            to: command.folder.appendingPathComponent("test-2.csv.zst"))
        try entries[1].content.write(to: command.folder.appendingPathComponent("shard-1.csv"))
        try PackedFile.compressed("xz", entries[1].content).write(
            to: command.folder.appendingPathComponent("shard-2.csv.xz"))
        let packed = try splits(
            command, "data.train=all.tar.gz:train.csv", "data.validation=shard-*", "data.test=test-?.csv.zst")
        for (found, expected, times) in zip3(packed, plain, [1, 2, 1]) {
            #expect(found["rows"] as? Int == (expected["rows"] as? Int).map { $0 * times })
            #expect(
                found["classes"] as? [String: Int] == (expected["classes"] as? [String: Int])?.mapValues { $0 * times })
        }
        #expect(packed.map { $0["files"] as? Int } == [1, 2, 1])
        #expect(packed.map { $0["entries"] as? Int } == [1, 0, 0])
        let text = try command.run("check", "tiny.yaml", "data.train=all.tar.gz:t[r]*.csv", "data.validation=shard-*")
        #expect(text.output.contains("240 rows of all.tar.gz:t[r]*.csv, 1 file with 1 entry (animal 120, colour 120)"))
        #expect(text.output.contains("120 rows of shard-*, 2 files ("))
    }

    @Test("rows left out are listed with file, entry and line")
    func skipped() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let content = String(decoding: try rows("train.csv", in: command), as: UTF8.self) + "one field\n\"a\",b,c\n"
        try PackedFile.archive("zip", [.init("part-3.csv", content)]).write(
            to: command.folder.appendingPathComponent("train.zip"))
        let result = try command.run(
            "train", "tiny.yaml", "data.train=train.zip", "data.on_bad_row=skip", "train.epochs=1")
        #expect(result.status == 0, "\(result.errors)")
        let runs = command.folder.appendingPathComponent("runs")
        let run = try #require(try FileManager.default.contentsOfDirectory(atPath: runs.path).first)
        let list = try String(contentsOf: runs.appendingPathComponent("\(run)/skipped.txt"), encoding: .utf8)
        #expect(list.contains("train.zip:part-3.csv:242: has 1 fields; the header has 2"))
        #expect(list.contains("train.zip:part-3.csv:243: has 3 fields; the header has 2"))
    }

    @Test("a vocabulary learned from an archive and from shards is that of the plain file")
    func vocabulary() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let content = try rows("train.csv", in: command)
        try PackedFile.archive("tar.xz", [.init(Array("train.csv".utf8), content)]).write(
            to: command.folder.appendingPathComponent("t.tar.xz"))
        var vocabularies: [Data] = []
        for (source, output) in [("train.csv", "plain"), ("t.tar.xz", "packed"), ("t[r]ain.csv", "shards")] {
            let result = try command.run("tokenizer", "train", source, "--vocabulary", "120", "-o", output)
            #expect(result.status == 0, "\(result.errors)")
            vocabularies.append(try rows("\(output)/tokenizer.json", in: command))
        }
        #expect(vocabularies[1] == vocabularies[0] && vocabularies[2] == vocabularies[0])
    }

    private func zip3(
        _ first: [[String: Any]], _ second: [[String: Any]], _ third: [Int]
    ) -> [([String: Any], [String: Any], Int)] {
        zip(zip(first, second), third).map { ($0.0, $0.1, $1) }
    }
}
