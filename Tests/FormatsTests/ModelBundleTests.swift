import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Bundles")
struct ModelBundleTests {
    private static let manifest = """
        {"files": [{"bytes": 3, "path": "a.txt", "sha256": "\(Digest.sha256("one"))"}], "schema": 1}
        """
    private static let whole = [PackedFile.Entry("m/manifest.json", manifest), PackedFile.Entry("m/a.txt", "one")]

    private func verify(_ entries: [PackedFile.Entry]) throws -> Int {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("m.tar.zst")
            try PackedFile.archive("tar.zst", entries).write(to: url)
            return try ModelBundle.verify(url)
        }
    }

    @Test func `are written with the digests of their files, and read back`() throws {
        try GoldenFile.withDirectory { directory in
            let model = directory.appendingPathComponent("model")
            try AtomicFile.write("one", to: model.appendingPathComponent("a.txt"))
            try AtomicFile.write("two", to: model.appendingPathComponent("deeper/b.txt"))
            let url = directory.appendingPathComponent("model.tar.zst")
            try ModelBundle.write(model, to: url)
            #expect(try ModelBundle.verify(url) == 2)
            let bytes = try Data(contentsOf: url)
            try ModelBundle.write(model, to: url)
            #expect(try Data(contentsOf: url) == bytes)
        }
        #expect(try verify(Self.whole) == 1)
        #expect(try verify([.init("./manifest.json", Self.manifest), .init("./a.txt", "one")]) == 1)
        try GoldenFile.withDirectory { directory in
            let model = directory.appendingPathComponent("a\\b")
            try AtomicFile.write("one", to: model.appendingPathComponent("a.txt"))
            let url = directory.appendingPathComponent("model.tar.zst")
            let error = try #require(throws: InputError.self) { try ModelBundle.write(model, to: url) }
            #expect(error.problem.contains("backslash") && !FileManager.default.fileExists(atPath: url.path))
        }
    }

    @Test func `tell what is missing, surplus, changed or no plain file`() throws {
        var link = PackedFile.Entry("m/l.txt", mode: S_IFLNK | 0o777)
        link.symbolicLink = "a.txt"
        let cases: [([PackedFile.Entry], String)] = [
            ([PackedFile.Entry("m/manifest.json", Self.manifest)], "a.txt is missing"),
            (Self.whole + [.init("m/b.txt", "two")], "b.txt is not in the manifest"),
            ([Self.whole[0], .init("m/a.txt", "two")], "a.txt was changed"),
            ([Self.whole[1]], "manifest.json is not there"),
            ([Self.whole[0], Self.whole[1], Self.whole[1]], "twice"),
            (Self.whole + [link], "no plain file"),
            ([Self.whole[0], .init("../a.txt", "one")], "no plain file"),
            ([Self.whole[0], .init("n/a.txt", "one")], "another folder"),
        ]
        for (entries, problem) in cases {
            let error = try #require(throws: BundleMismatch.self, "\(problem)") { try verify(entries) }
            #expect("\(error)".contains(problem), "\(error)")
        }
    }

    @Test func `that unpack to far more than their size are refused`() throws {
        let zeros = PackedFile.Entry(Array("m/a.txt".utf8), Data(count: 80 << 20))
        let error = try #require(throws: InputError.self) { try verify([Self.whole[0], zeros]) }
        #expect(error.problem.contains("too much for a file of its size"))
    }
}
