import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Hostile archives of texts")
struct HostileArchiveTests {
    /// Reads the texts of a file of this name and content; nothing may be written beside it.
    private func texts(
        _ name: String, _ content: Data, entries: String = "", unpacking: UnpackingLimits = .usual
    ) throws -> [String] {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent(name)
            try content.write(to: url)
            defer {
                let names = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
                #expect(names == [name])
            }
            var texts: [String] = []
            try TextRecords.forEach(
                in: DataAddress(url.path + entries), columns: ["text"], unpacking: unpacking
            ) { texts.append($0.fields[0]) }
            return texts
        }
    }

    /// What reading is refused with: one error that names the file.
    private func refusal(
        _ name: String, _ content: Data, entries: String = "", unpacking: UnpackingLimits = .usual
    ) -> InputError? {
        do {
            _ = try texts(name, content, entries: entries, unpacking: unpacking)
            return nil
        } catch let error as InputError {
            #expect(error.file?.contains(name) == true && error.remedy != nil, "\(error)")
            return error
        } catch let several as InputErrors {
            #expect(several.errors.allSatisfy { $0.file?.contains(name) == true }, "\(several)")
            return several.errors.first
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    private static let good = PackedFile.Entry("a.csv", "text\na\n")

    @Test("with names that lead out of them, or are no text, are refused", arguments: ["tar", "tar.gz", "zip"])
    func names(kind: String) {
        for name in [
            "/etc/a.csv", "../a.csv", "b/../../a.csv", "b//a.csv", "b/./a.csv", "b\\a.csv", "\u{1B}[2Ja.csv",
            "a\u{85}.csv", "..", String(repeating: "b/", count: 2500) + "a.csv",
        ] {
            // tar has no room for such a name here, and libarchive takes a zip archive's \\ as /.
            if kind != "zip", name.utf8.count > 256 { continue }
            if kind == "zip", name.contains("\\") { continue }
            let error = refusal("d.\(kind)", PackedFile.archive(kind, [Self.good, .init(name, "text\nb\n")]))
            #expect(error?.problem.hasPrefix("an unsafe name") == true, "\(name.debugDescription): \(error as Any)")
            #expect(error?.field?.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x85 } == true)
        }
        let bytes = PackedFile.Entry([0x61, 0xFF, 0x2E] + Array("csv".utf8))
        #expect(refusal("d.\(kind)", PackedFile.archive(kind, [Self.good, bytes]))?.problem.contains("UTF-8") == true)
    }

    @Test("with links and devices are refused, and nothing is followed")
    func links() {
        var entries = [S_IFIFO, S_IFCHR, S_IFBLK].map { PackedFile.Entry("b.csv", mode: $0 | 0o644) }
        var symbolic = PackedFile.Entry("b.csv", mode: S_IFLNK | 0o777)
        symbolic.symbolicLink = "/etc/passwd"
        var hard = PackedFile.Entry("b.csv")
        hard.hardLink = "a.csv"
        entries += [symbolic, hard]
        for entry in entries {
            let error = refusal("d.tar.gz", PackedFile.archive("tar.gz", [Self.good, entry]))
            #expect(error?.field == "b.csv" && error?.problem == "a link or a special file, not followed")
        }
        #expect(refusal("d.zip", PackedFile.archive("zip", [Self.good, symbolic]))?.field == "b.csv")
    }

    @Test("with two entries of one name, or encrypted ones, are refused by the entry's name")
    func twiceAndEncrypted() {
        for kind in ["tar", "zip"] {
            let error = refusal("d.\(kind)", PackedFile.archive(kind, [Self.good, Self.good]))
            #expect(error?.field == "a.csv" && error?.problem == "the archive holds two files of this name")
        }
        let error = refusal("d.zip", PackedFile.archive("zip", [Self.good], password: "secret"))
        #expect(error?.field == "a.csv" && error?.problem == "encrypted")
    }

    @Test("whose directory lacks entries that it counts are refused")
    func missingEntry() throws {
        var zip = PackedFile.archive("zip", [Self.good, .init("b.csv", "text\nb\n")])
        let end = try #require(zip.lastRange(of: Data("PK\u{5}\u{6}".utf8))).lowerBound
        (zip[end + 8], zip[end + 10]) = (3, 3)
        let error = refusal("d.zip", zip)
        #expect(error?.problem == "damaged: its directory has 2 entries, and says that there are 3")
    }

    @Test("with entries that declare more than there can be are refused before they are read")
    func sizes() throws {
        var tar = PackedFile.archive("tar", [Self.good])
        for size in ["77777777777", "00000004001"] {
            tar.replaceSubrange(124..<135, with: Data(size.utf8))
            Self.mendChecksum(&tar)
            let error = refusal("d.tar", tar)
            #expect(error?.field == "a.csv" && error?.problem.hasPrefix("declares") == true, "\(error as Any)")
        }
        // A number in base 256: more than 2^63.
        tar.replaceSubrange(124..<136, with: [0x80, 0, 0, 0] + Data(repeating: 0xFF, count: 8))
        Self.mendChecksum(&tar)
        #expect(refusal("d.tar", tar)?.field == "a.csv")
        var zip = PackedFile.archive("zip", [Self.good])
        let directory = try #require(zip.lastRange(of: Data("PK\u{1}\u{2}".utf8))).lowerBound
        zip.replaceSubrange(directory + 24..<directory + 28, with: [0xF0, 0xFF, 0xFF, 0xFF])
        #expect(refusal("d.zip", zip) != nil)
        let method = refusal("d.zip", try Self.withMethod(14))
        #expect(method?.problem == "compressed by another method than deflate")
    }

    @Test("that unpack to too much are refused, with the limits stated", arguments: PackedFile.archives.dropFirst())
    func bombs(kind: String) throws {
        let line = Data("text\n".utf8) + Data(repeating: 0x0A, count: 100 << 20)
        let bomb = PackedFile.archive(kind, [.init(Array("a.txt".utf8), line)])
        #expect(bomb.count < 1 << 18)
        let error = refusal("d.\(kind)", bomb)
        #expect(error?.problem.contains("more than") == true, "\(error as Any)")
        let small = UnpackingLimits(ratio: 2, allowance: 1000)
        let entries = (0..<100).map { PackedFile.Entry("\($0).txt", String(repeating: "x\n", count: 1000)) }
        let packed = PackedFile.archive(kind, entries)
        #expect(try texts("d.\(kind)", packed).count == 100_000)
        #expect(refusal("d.\(kind)", packed, unpacking: small) != nil)
        let few = UnpackingLimits(entries: 99)
        #expect(refusal("d.\(kind)", packed, unpacking: few)?.problem == "has more than 99 entries")
        // What is passed over counts too.
        let unread = refusal("d.\(kind)", bomb, entries: ":none.csv")
        #expect(unread?.problem.hasPrefix("declares 104857605 bytes") == true, "\(unread as Any)")
    }

    @Test("and files of zeros end at the first bound that they meet")
    func zeros() {
        let zeros = Data(count: 1 << 30)
        for compression in ["gz", "zst"] {
            let packed = PackedFile.compressed(compression, zeros)
            #expect(refusal("a.csv.\(compression)", packed)?.problem == "has a record of more than 16 MiB")
            #expect(refusal("a.tar.\(compression)", packed)?.problem.hasPrefix("unpacks to more than") == true)
        }
    }

    @Test("named as what they are not are refused")
    func misnamed() {
        let archives = PackedFile.archives.map { ($0, PackedFile.archive($0, [Self.good])) }
        for name in PackedFile.archives + PackedFile.compressions.map({ "csv." + $0 }) {
            for (kind, bytes) in archives where kind != name && !["tar.gz", "tgz"].contains(kind) {
                #expect(refusal("d.\(name)", bytes) != nil, "\(kind) as \(name)")
            }
            for junk in [Data(), Data("PK".utf8), Data("text\na\n".utf8), Data([0x1F, 0x8B])] {
                #expect(refusal("d.\(name)", junk) != nil, "\(name)")
            }
        }
        for compression in ["bz2", "xz", "zst", "gz"] {
            let twice = PackedFile.compressed(compression, PackedFile.compressed(compression, Data("text\na\n".utf8)))
            #expect(refusal("a.csv.\(compression)", twice) != nil)
        }
    }

    private static func withMethod(_ method: UInt8) throws -> Data {
        var zip = PackedFile.archive("zip", [good])
        let directory = try #require(zip.lastRange(of: Data("PK\u{1}\u{2}".utf8))).lowerBound
        zip[8] = method
        zip[directory + 10] = method
        return zip
    }

    private static func mendChecksum(_ tar: inout Data) {
        tar.replaceSubrange(148..<156, with: Data("        ".utf8))
        let sum = tar[..<512].reduce(0) { $0 + Int($1) }
        let text = String(sum, radix: 8)
        let digits = String(repeating: "0", count: 6 - text.count) + text
        tar.replaceSubrange(148..<156, with: Data("\(digits)\0 ".utf8))
    }
}
