import Files
import Foundation

/// The files in a zip archive (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), listed and checked without
/// loading them.
///
/// Files that are stored as they are, are slices of the archive's memory: where they lie is what libarchive says, and
/// checked to be inside. Compressed ones are unpacked when they are read.
struct ZipArchive: Sendable {
    struct Entry: Sendable {
        let name: String
        let size: Int
        /// Nil if the file is compressed.
        let stored: Data?
    }

    /// What errors name.
    let file: String
    /// In the order of the archive; directories are left out.
    let entries: [Entry]
    private let bytes: Data
    private let indices: [String: Int]

    /// Lists the entries; checksums are compared when a file is read.
    ///
    /// - Parameter expansion: how many times as large as the archive its files may be, each and together. 1 is right
    ///   where nothing is compressed.
    /// - Throws: `InputError` naming the entry if it is a link, encrypted, named twice or by an unsafe path, larger than
    ///   it can be, or overlaps another.
    init(_ bytes: Data, file: String, expansion: Int = 1) throws {
        let (product, overflows) = bytes.count.multipliedReportingOverflow(by: expansion)
        let limit = overflows ? Int.max : product
        let base = bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        var entries: [Entry] = []
        var indices: [String: Int] = [:]
        var places: [(range: Range<Int>, name: String)] = []
        var total = 0
        func problem(_ name: String, _ problem: String) -> InputError {
            InputError(
                file: file, field: name, problem: problem,
                remedy: "do not use the file; get it again from where it was published")
        }
        try ArchiveReader.read(bytes, file: file, checksums: false) { reader in
            while let entry = try reader.next() {
                let name = entry.name
                guard EntryName.isSafe(name, isDirectory: entry.kind == .directory) else {
                    throw problem(
                        name.debugDescription, "an unsafe name: it leads elsewhere or holds control characters")
                }
                if entry.kind == .directory { continue }
                guard entry.kind == .file else { throw problem(name, "a link or a special file, not followed") }
                guard !entry.isEncrypted else { throw problem(name, "encrypted") }
                guard indices.updateValue(entries.count, forKey: name) == nil else {
                    throw problem(name, "the archive holds two files of this name")
                }
                guard let size = entry.size, size >= 0, size <= limit - total else {
                    throw problem(
                        name, "declares \(entry.size ?? -1) bytes, more than an archive of \(bytes.count) can hold")
                }
                total += size
                let place = entry.isStored ? try Self.place(of: size, &reader, base: base, count: bytes.count) : nil
                if let place, size > 0 { places.append((place, name)) }
                let stored = place.map { bytes[bytes.startIndex + $0.lowerBound..<bytes.startIndex + $0.upperBound] }
                entries.append(Entry(name: name, size: size, stored: stored))
            }
        }
        places.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (before, after) in zip(places, places.dropFirst())
        where before.range.upperBound > after.range.lowerBound {
            throw problem(after.name, "its bytes overlap those of '\(before.name)'")
        }
        self.bytes = bytes
        self.file = file
        self.entries = entries
        self.indices = indices
    }

    /// The entry of that name, or nil.
    subscript(name: String) -> Entry? {
        indices[name].map { entries[$0] }
    }

    /// The contents of those of the files that are there, checksums compared.
    ///
    /// - Throws: `InputError` naming the first that is damaged.
    func read(_ names: Set<String>) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        try ArchiveReader.read(bytes, file: file, checksums: true) { reader in
            while contents.count < names.count, let entry = try reader.next() {
                guard names.contains(entry.name), let known = self[entry.name] else { continue }
                contents[entry.name] = try Self.contents(of: known, &reader, file: file)
            }
        }
        return contents
    }

    /// What is wrong with the contents: reads every file and compares its checksum. Ends after 100 errors.
    func damage() -> [InputError] {
        var errors: [InputError] = []
        do {
            try ArchiveReader.read(bytes, file: file, checksums: true) { reader in
                while errors.count < 100, let entry = try reader.next() {
                    guard let known = self[entry.name] else { continue }
                    do {
                        _ = try Self.contents(of: known, &reader, file: file, keeping: false)
                    } catch let error as InputError {
                        errors.append(error)
                    }
                }
            }
        } catch let error as InputError {
            errors.append(error)
        } catch {
            errors.append(InputError(file: file, problem: "cannot read: \(error)"))
        }
        return errors
    }

    /// Where in the archive the entry lies as it is; nil if its blocks come from elsewhere, that is unpacked.
    private static func place(
        of size: Int, _ reader: inout ArchiveReader, base: UInt, count: Int
    ) throws -> Range<Int>? {
        guard size > 0 else { return 0..<0 }
        var place: Range<Int>?
        while let block = try reader.nextBlock() {
            let address = UInt(bitPattern: block.baseAddress)
            guard address >= base, address - base <= UInt(count), block.count <= count - Int(address - base) else {
                return nil
            }
            let start = Int(address - base)
            guard start == place?.upperBound ?? start else { return nil }
            place = (place?.lowerBound ?? start)..<start + block.count
        }
        return place?.count == size ? place : nil
    }

    private static func contents(
        of entry: Entry, _ reader: inout ArchiveReader, file: String, keeping: Bool = true
    ) throws -> Data {
        var unpacked = Data()
        var size = 0
        while let block = try reader.nextBlock() {
            size += block.count
            guard size <= entry.size else { break }
            if keeping, entry.stored == nil { unpacked.append(contentsOf: block) }
        }
        guard size == entry.size else {
            throw InputError(
                file: file, field: entry.name, problem: "declares \(entry.size) bytes, holds \(size) or more",
                remedy: "download or export the file again")
        }
        return entry.stored ?? unpacked
    }
}

extension ZipArchive {
    /// How many entries the end of the archive says that it has; nil where it leaves that to zip64's own records.
    ///
    /// libarchive does not compare it with what it finds.
    static func declaredEntries(_ bytes: Data) -> Int? {
        let recordSize = 22
        let tail = bytes.suffix(recordSize + Int(UInt16.max))
        guard
            let record = tail.lastRange(of: Data([0x50, 0x4B, 0x05, 0x06]))?.lowerBound,
            tail.endIndex - record >= recordSize
        else { return nil }
        let count = Int(tail[record + 10]) | Int(tail[record + 11]) << 8
        return count == Int(UInt16.max) ? nil : count
    }
}
