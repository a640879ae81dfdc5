import Files
import Foundation
import Testing

@Suite("Directories are replaced whole or not at all")
struct AtomicDirectoryTests {
    private struct Failure: Error {}

    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("folders-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        try body(folder)
    }

    private func names(in folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    }

    private func write(_ text: String, to url: URL) throws {
        try AtomicDirectory.replace(url) { try AtomicFile.write(text, to: $0.appendingPathComponent("\(text).txt")) }
    }

    @Test("A new directory in a new folder, then another, and nothing of the first nor beside it")
    func replacing() throws {
        try inFolder { folder in
            let url = folder.appendingPathComponent("a/model")
            try write("one", to: url)
            #expect(try names(in: folder) == ["a", "a/model", "a/model/one.txt"])
            try write("two", to: url)
            #expect(try names(in: folder) == ["a", "a/model", "a/model/two.txt"])
        }
    }

    @Test("A writer that fails leaves the old directory, and no other")
    func failing() throws {
        try inFolder { folder in
            let url = folder.appendingPathComponent("model")
            try write("old", to: url)
            #expect(throws: Failure.self) {
                try AtomicDirectory.replace(url) { aside in
                    try AtomicFile.write("half", to: aside.appendingPathComponent("half.txt"))
                    throw Failure()
                }
            }
            #expect(try names(in: folder) == ["model", "model/old.txt"])
        }
    }

    @Test("What a crash left between two moves is put back, what it left aside goes")
    func crashed() throws {
        try inFolder { folder in
            let url = folder.appendingPathComponent("model")
            try write("old", to: url)
            try FileManager.default.moveItem(at: url, to: folder.appendingPathComponent(".model.retort-old"))
            try AtomicFile.write("half", to: folder.appendingPathComponent(".model.retort-unfinished/half.txt"))
            #expect(throws: Failure.self) { try AtomicDirectory.replace(url) { _ in throw Failure() } }
            #expect(try names(in: folder) == ["model", "model/old.txt"])
        }
    }

    @Test("A file, a pipe or a link that is in the place stays there, with an error")
    func occupied() throws {
        try inFolder { folder in
            try AtomicFile.write("a file", to: folder.appendingPathComponent("file"))
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("there"), withIntermediateDirectories: true)
            #expect(mkfifo(folder.appendingPathComponent("pipe").path, 0o600) == 0)
            #expect(symlink("there", folder.appendingPathComponent("link").path) == 0)
            for name in ["file", "pipe", "link"] {
                let url = folder.appendingPathComponent(name)
                let error = #expect(throws: InputError.self) { try write("x", to: url) }
                #expect(error?.file == url.path && error?.problem.contains("is no directory") == true)
            }
            #expect(try names(in: folder) == ["file", "link", "pipe", "there"])
            #expect(try String(contentsOf: folder.appendingPathComponent("file"), encoding: .utf8) == "a file")
        }
    }

    @Test("A directory that cannot be made is an error with its path")
    func unwritable() throws {
        try inFolder { folder in
            try AtomicFile.write("a file", to: folder.appendingPathComponent("file"))
            let url = folder.appendingPathComponent("file/model")
            let error = #expect(throws: InputError.self) { try write("x", to: url) }
            #expect(error?.file == url.path && error?.problem.contains("cannot write the directory") == true)
        }
    }
}
