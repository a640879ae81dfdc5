import Foundation

/// Writes GGUF files by hand, also ones that lie: what is given is written, and nothing is checked.
struct GGUFBytes {
    var version: UInt32 = 3
    /// nil: as many as were added.
    var declaredTensors: UInt64?
    var declaredKeys: UInt64?
    var alignment = 32
    /// What follows the padded header.
    var body = Data()
    private var keys = Data()
    private var keyCount: UInt64 = 0
    private var entries = Data()
    private var entryCount: UInt64 = 0

    mutating func key(_ key: String, type: UInt32, _ value: Data) {
        keys += Self.string(key) + Self.bytes(type) + value
        keyCount += 1
    }

    mutating func array(_ key: String, of type: UInt32, count: UInt64, _ elements: Data) {
        self.key(key, type: 9, Self.bytes(type) + Self.bytes(count) + elements)
    }

    /// `extents` in the file's order: the first is the one whose elements are neighbours.
    mutating func tensor(_ name: String, _ extents: [UInt64], type: UInt32 = 0, offset: UInt64 = 0, rank: UInt32? = nil)
    {
        entries += Self.string(name) + Self.bytes(rank ?? UInt32(extents.count))
        for extent in extents { entries += Self.bytes(extent) }
        entries += Self.bytes(type) + Self.bytes(offset)
        entryCount += 1
    }

    var data: Data {
        var data = Data("GGUF".utf8) + Self.bytes(version)
        data += Self.bytes(declaredTensors ?? entryCount) + Self.bytes(declaredKeys ?? keyCount) + keys + entries
        data += Data(count: (alignment - data.count % alignment) % alignment)
        return data + body
    }

    static func bytes<Value: BitwiseCopyable>(_ value: Value) -> Data {
        withUnsafeBytes(of: value) { Data($0) }
    }

    static func string(_ text: String) -> Data {
        bytes(UInt64(text.utf8.count)) + Data(text.utf8)
    }
}
