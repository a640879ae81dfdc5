import Files
import Foundation
import Testing

@Suite("Files are replaced whole or not at all")
struct AtomicFileTests {
    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        try body(folder)
    }

    @Test("A new file in a new folder, then another content, and nothing left beside it")
    func replacing() throws {
        try inFolder { folder in
            let url = folder.appendingPathComponent("a/b.txt")
            try AtomicFile.write("one", to: url)
            try AtomicFile.write("two", to: url)
            #expect(try String(contentsOf: url, encoding: .utf8) == "two")
            let names = try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)
            #expect(names == ["b.txt"])
        }
    }

    @Test("Free bytes are those of the place where a file would be; sizes are those behind links")
    func sizes() throws {
        try inFolder { folder in
            let free = try #require(AtomicFile.freeBytes(at: folder))
            let later = try #require(AtomicFile.freeBytes(at: folder.appendingPathComponent("not/yet/there")))
            // Other programs write too.
            #expect(free > 0 && abs(free - later) < max(free / 2, 1 << 30))
            #expect(AtomicFile.freeBytes(at: URL(fileURLWithPath: "/proc/self")) == nil)
            try AtomicFile.write("four", to: folder.appendingPathComponent("file"))
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/link", withDestinationPath: folder.path + "/file")
            #expect(FileSize.bytes(at: folder.path + "/link") == 4)
            #expect(FileSize.bytes(at: folder.path) == nil && FileSize.bytes(at: folder.path + "/none") == nil)
        }
    }

    @Test("A writer that fails leaves the old file, and no other")
    func failing() throws {
        struct Failure: Error {}
        try inFolder { folder in
            let url = folder.appendingPathComponent("b.txt")
            try AtomicFile.write("old", to: url)
            #expect(throws: Failure.self) {
                try AtomicFile.replace(url) { aside in
                    try Data("half".utf8).write(to: aside)
                    throw Failure()
                }
            }
            #expect(try String(contentsOf: url, encoding: .utf8) == "old")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["b.txt"])
        }
    }

    @Test("A folder where the file should be is an error that names it")
    func blocked() throws {
        try inFolder { folder in
            let url = folder.appendingPathComponent("b")
            try FileManager.default.createDirectory(
                at: url.appendingPathComponent("inside"), withIntermediateDirectories: true)
            let error = #expect(throws: InputError.self) { try AtomicFile.write("text", to: url) }
            #expect(error?.file == url.path)
        }
    }

    @Test("A pipe, or a link to one, stays where it is")
    func special() throws {
        try inFolder { folder in
            let (pipe, link) = (folder.appendingPathComponent("pipe"), folder.appendingPathComponent("link"))
            #expect(mkfifo(pipe.path, 0o600) == 0 && symlink("pipe", link.path) == 0)
            for url in [pipe, link] {
                let error = #expect(throws: InputError.self) { try AtomicFile.write("text", to: url) }
                #expect(error?.file == url.path && error?.problem.contains("no ordinary file") == true)
                #expect(throws: InputError.self) { try Digest.sha256(fileAt: url) }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.sorted() == ["link", "pipe"])
        }
    }

    @Test("SHA-256 of text and of a file larger than one piece (FIPS 180-4 examples)")
    func digests() throws {
        #expect(Digest.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest.sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        try inFolder { folder in
            let url = folder.appendingPathComponent("large")
            let data = Data((0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0) })
            try AtomicFile.write(data, to: url)
            #expect(try Digest.sha256(fileAt: url) == Digest.sha256(data))
            #expect(throws: InputError.self) { try Digest.sha256(fileAt: folder.appendingPathComponent("none")) }
        }
    }

    @Test("An error prints place, field, problem and remedy; what is not known is left out")
    func description() {
        let error = InputError(
            file: "a.csv", line: 3, column: 7, field: "label", problem: "is empty", remedy: "fill it in")
        #expect("\(error)" == "a.csv:3:7: label: is empty\n  → fill it in")
        #expect("\(InputError(problem: "no luck"))" == "no luck")
        #expect("\(InputErrors([error, InputError(file: "b", problem: "x")]))".hasSuffix("\nb: x"))
    }

    @Test("A full disk is named in the system's words, whoever wrote")
    func systemReason() throws {
        let full = URL(fileURLWithPath: "/dev/full")
        let writers: [() throws -> Void] = [
            { try Data([1]).write(to: full) }, { try FileHandle(forWritingTo: full).write(contentsOf: Data([1])) },
        ]
        for write in writers {
            let error = #expect(throws: (any Error).self) { try write() }
            #expect(error?.systemReason == "No space left on device")
        }
        #expect(InputError(problem: "no luck").systemReason == "no luck")
    }

    @Test("Other errors speak of what was read, in no framework's words")
    func ownReasons() throws {
        struct Part: Decodable { var size: Int }
        func reason(_ text: String) -> String? {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode([Part].self, from: Data(text.utf8)) }?
                .systemReason
        }
        #expect(reason(#"[{"size": 1}, {}]"#) == "[1].size is missing")
        #expect(reason(#"[{"size": "a"}]"#) == "[0].size is no whole number")
        #expect(reason("[") == "it is no JSON")
        #expect(CocoaError(.fileReadInapplicableStringEncoding).systemReason == "not UTF-8")
        #expect(CocoaError(.formatting).systemReason.hasPrefix("error "))
        #expect(NSError(domain: "NSOtherDomain", code: 7).systemReason == "error 7 of the system")
    }

    @Test("Of several files none is replaced where one cannot be written", arguments: [false, true])
    func together(isReversed: Bool) throws {
        try inFolder { folder in
            let (a, b) = (folder.appendingPathComponent("a"), folder.appendingPathComponent("b"))
            try AtomicFile.write(all: [(a, Data("old a".utf8)), (b, Data("old b".utf8))])
            let blocked = folder.appendingPathComponent("a/inside")
            let files = [(url: blocked, data: Data("x".utf8)), (url: a, data: Data("new".utf8))]
            #expect(throws: InputError.self) {
                try AtomicFile.write(all: (isReversed ? files.reversed() : files) + [(b, Data("new".utf8))])
            }
            #expect(try String(contentsOf: a, encoding: .utf8) == "old a")
            #expect(try String(contentsOf: b, encoding: .utf8) == "old b")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a", "b"])
        }
    }
}
