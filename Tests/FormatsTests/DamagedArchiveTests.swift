import Files
import Formats
import Foundation
import PackedFiles
import Testing

@Suite("Damaged archives of texts")
struct DamagedArchiveTests {
    private static let names = PackedFile.archives + PackedFile.compressions.map { "csv." + $0 }

    private static func content(_ name: String) -> Data {
        let rows = (0..<60).map { "text \($0),\($0 * 7919 % 1000)\n" }
        let parts = [rows[..<20], rows[20..<40], rows[40...]].map { "text,label\n" + $0.joined() }
        guard !name.hasPrefix("csv.") else {
            return PackedFile.compressed(String(name.dropFirst(4)), Data(("text,label\n" + rows.joined()).utf8))
        }
        return PackedFile.archive(name, zip(["a", "b", "c"], parts).map { .init("\($0).csv", $1) })
    }

    private enum Outcome {
        case rows([[String]])
        case refused
    }

    private func outcome(_ url: URL) -> Outcome {
        var rows: [[String]] = []
        do {
            try TextRecords.forEach(in: DataAddress(url.path), columns: ["text", "label"]) { rows.append($0.fields) }
            return .rows(rows)
        } catch let error as InputError {
            #expect(error.file?.hasPrefix(url.path) == true)
        } catch let several as InputErrors {
            #expect(several.errors.allSatisfy { $0.file?.hasPrefix(url.path) == true })
        } catch {
            Issue.record("\(error)")
        }
        return .refused
    }

    @Test("that were cut off anywhere are refused", arguments: names)
    func truncation(name: String) throws {
        let whole = Self.content(name)
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("d.\(name)")
            try whole.write(to: url)
            guard case .rows(let rows) = outcome(url) else { throw InputError(problem: "refused whole") }
            #expect(rows.count == 60)
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: url)
                switch outcome(url) {
                case .refused: break
                // Of the zeros that end a tar archive, one block is enough.
                case .rows(let found): #expect(found == rows && name == "tar" && length >= whole.count - 512)
                }
            }
        }
    }

    @Test(
        "with changed bits never crash, and are refused or read right where the format has checksums", arguments: names)
    func changes(name: String) throws {
        let whole = Self.content(name)
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("d.\(name)")
            try whole.write(to: url)
            guard case .rows(let rows) = outcome(url) else { throw InputError(problem: "refused whole") }
            var (refused, wrong) = (0, 0)
            for damaged in GoldenFile.damaged(whole, copies: 2000) {
                try GoldenFile.overwrite(url, with: damaged)
                switch outcome(url) {
                case .refused: refused += 1
                case .rows(let found):
                    // zip has no checksums of names, by which an entry may be passed over.
                    let isRight = name == "zip" ? found.allSatisfy(rows.contains) : found == rows
                    wrong += isRight ? 0 : 1
                }
            }
            #expect(refused > 200, "\(refused) refused")
            // Contents have no checksums in tar, nor in Zstandard as libarchive writes it.
            #expect(wrong == 0 || ["tar", "tar.zst", "csv.zst"].contains(name), "\(wrong) read wrong")
        }
    }
}
