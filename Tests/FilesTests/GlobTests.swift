import Files
import Foundation
import Testing

@Suite("Patterns for paths")
struct GlobTests {
    @Test(
        "match names as they say",
        arguments: [
            ("*.csv", "a.csv", true), ("*.csv", ".csv", false), (".*", ".csv", true), ("*.csv", "a.csv.gz", false),
            ("*.csv", "b/a.csv", false), ("*/*.csv", "b/a.csv", true), ("*", "", true), ("a*", "a", true),
            ("a?c", "abc", true), ("a?c", "ac", false), ("a?c", "a\u{1F600}c", true), ("?", ".", false),
            ("[ab]1", "b1", true), ("[!ab]1", "b1", false), ("[!ab]1", "c1", true), ("p-[0-9]", "p-7", true),
            ("p-[0-9]", "p-x", false), ("[]]", "]", true), ("[a", "[a", true), ("[z-a]", "m", false),
            ("a*b*c", "axxbyybzzc", true), ("a*b*c", "axxbyyb", false), ("é*", "éa", true), ("a/b", "a", false),
            ("train", "train", true), ("train", "trains", false),
        ])
    func matching(pattern: String, name: String, isMatch: Bool) {
        #expect(Glob(pattern).matches(name) == isMatch)
    }

    @Test("take no time that grows faster than the product of the lengths")
    func hostileNames() {
        let pattern = Glob(String(repeating: "*a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 4000)))
    }

    @Test("find the files of the disk, sorted by the bytes of their paths")
    func files() throws {
        try withFolder { folder in
            for name in ["s/b-10.csv", "s/b-9.csv", "s/B-1.csv", "s/é.csv", "t/b-1.csv", "s/.b.csv", "s/b.txt"] {
                let url = folder.appendingPathComponent(name)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data().write(to: url)
            }
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("s/folder.csv"), withIntermediateDirectories: true)
            func found(_ pattern: String) -> [String] {
                Glob.files(matching: folder.path + "/" + pattern).map { String($0.dropFirst(folder.path.count + 1)) }
            }
            #expect(found("s/*.csv") == ["s/B-1.csv", "s/b-10.csv", "s/b-9.csv", "s/é.csv"])
            #expect(found("*/b-*.csv") == ["s/b-10.csv", "s/b-9.csv", "t/b-1.csv"])
            #expect(found("x*/b-*.csv").isEmpty && found("s/c*").isEmpty)
            let nearest = Glob.nearest(to: folder.path + "/s/b-1?.txt")
            #expect(nearest.directory == folder.path + "/s")
            #expect(nearest.names.first == "b.txt" && nearest.names.count == 5)
            #expect(Glob.nearest(to: folder.path + "/sx/b.csv").names == ["s", "t"])
        }
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }
}
