import Files
import Foundation

/// SentencePiece's rewriting of characters, compiled into a trie (`precompiled_charsmap`).
///
/// The map is a little-endian UInt32 with the bytes of the trie, the trie's units, and the replacements, each ended by a
/// NUL. The trie is a double array as the Darts-clone library writes it: a unit has a label in its bits 0 to 7 and 31, in bit
/// 8 whether a key ends there, and in bits 9 to 31 the distance to its children; the unit of a key's end has the place of
/// its replacement instead. (Yata, Darts-clone 0.32; SentencePiece's `normalizer.cc`.)
///
/// Applied as `Precompiled` of the `tokenizers` package does it, not as SentencePiece: a grapheme cluster of less than six
/// bytes is looked up as a whole, and what the *shortest* key that begins it stands for replaces all of it; where no key
/// does, and for longer clusters, the same goes for each scalar.
struct PrecompiledCharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]
    /// What becomes of each ASCII character on its own; nil where it stays.
    private let ascii: [Range<Int>?]

    /// Longer clusters are never looked up as a whole; so no key is read further than this.
    private static let longestKey = 5
    /// Twenty times what the maps of published models have.
    private static let maximumUnits = 1 << 20

    /// Reads a map from base64, and checks every place in it that a text can lead to.
    ///
    /// - Parameters:
    ///   - file: what is named in the error.
    ///   - field: the key of the map in that file.
    /// - Throws: `InputError` when it is not base64, truncated, not UTF-8, or points outside of itself.
    init(
        base64: String, file: String? = nil, field: String = "normalizer.precompiled_charsmap"
    ) throws(InputError) {
        func problem(_ problem: String) -> InputError {
            InputError(
                file: file, field: field, problem: problem,
                remedy: "take the file from the model's publisher again, or convert the model again")
        }
        guard let data = Data(base64Encoded: base64) else { throw problem("is not base64") }
        let bytes = [UInt8](data)
        guard bytes.count >= 4 else { throw problem("has \(bytes.count) bytes; the trie's size alone takes 4") }
        let size = Int(Self.word(bytes, at: 0))
        guard size > 0, size % 4 == 0, size <= bytes.count - 4 else {
            throw problem("says that its trie has \(size) bytes, of \(bytes.count - 4) that follow")
        }
        guard size / 4 <= Self.maximumUnits else {
            throw problem("has a trie of \(size / 4) units; at most \(Self.maximumUnits) are read")
        }
        units = (0..<size / 4).map { Self.word(bytes, at: 4 + 4 * $0) }
        replacements = Array(bytes[(4 + size)...])
        guard String(validating: replacements, as: UTF8.self) != nil else {
            throw problem("has replacements that are not valid UTF-8")
        }
        if let wrong = Self.wrongUnit(units, replacements) {
            throw problem("points outside of itself, or into a character, from unit \(wrong) of its trie")
        }
        ascii = [UInt8](0..<0x80).map { [units, replacements] in Self.find([$0], units, replacements) }
    }

    /// The changes that the map makes to `text`, valid UTF-8, a scalar of the result each; nil when it makes none.
    func changes(to text: UnsafeBufferPointer<UInt8>) -> [ScalarChange]? {
        var changes: [ScalarChange] = []
        changes.reserveCapacity(text.count)
        var isChanged = false
        var position = 0
        while position < text.count {
            let end = Self.segmentEnd(text, from: position)
            if end == position + 1 {
                isChanged = rewrite(text, position..<end, in: &changes) || isChanged
            } else {
                for character in String(decoding: text[position..<end], as: UTF8.self) {
                    let next = position + character.utf8.count
                    isChanged = rewrite(text, position..<next, in: &changes) || isChanged
                    position = next
                }
            }
            position = end
        }
        return isChanged ? changes : nil
    }

    /// The end of the shortest text from `start` on that consists of whole grapheme clusters for sure: between two ASCII
    /// characters a cluster ends, but inside of CR LF.
    private static func segmentEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var end = start + 1
        while end < text.count,
            text[end - 1] >= 0x80 || text[end] >= 0x80 || (text[end - 1] == 0x0D && text[end] == 0x0A)
        {
            end += 1
        }
        return end
    }

    /// Writes down what becomes of one grapheme cluster; whether anything was looked up with success.
    private func rewrite(
        _ text: UnsafeBufferPointer<UInt8>, _ cluster: Range<Int>,
        in changes: inout [ScalarChange]
    ) -> Bool {
        if let replacement = find(text[cluster]) {
            replace(text[cluster], by: replacement, in: &changes)
            return true
        }
        var isChanged = false
        var start = cluster.lowerBound
        while start < cluster.upperBound {
            let scalar = text[start..<start + Self.scalarLength(text[start])]
            if let replacement = find(scalar) {
                replace(scalar, by: replacement, in: &changes)
                isChanged = true
            } else {
                for kept in Self.scalars(of: scalar) { changes.append(ScalarChange(kept)) }
            }
            start = scalar.endIndex
        }
        return isChanged
    }

    /// Where the replacement of the shortest key that begins `text` is; nil for text that is too long to be looked up.
    private func find(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Range<Int>? {
        if text.count == 1 { return ascii[Int(text[text.startIndex] & 0x7F)] }
        guard text.count <= Self.longestKey else { return nil }
        return Self.find(text, units, replacements)
    }

    /// Writes a replacement down as the reference does, also where the removed scalars have nothing before them to be
    /// counted with: then they are not counted, and the text's alignment moves.
    private func replace(
        _ old: Slice<UnsafeBufferPointer<UInt8>>, by range: Range<Int>,
        in changes: inout [ScalarChange]
    ) {
        let new = Self.scalars(of: replacements[range])
        for scalar in new { changes.append(ScalarChange(scalar)) }
        let growth = new.count - old.count(where: { $0 & 0xC0 != 0x80 })
        if growth > 0 {
            for index in changes.indices.suffix(growth) { changes[index].change = 1 }
        } else if growth < 0, !changes.isEmpty {
            changes[changes.count - 1].change += growth
        }
    }

    private static func scalars(of bytes: some Collection<UInt8>) -> [Unicode.Scalar] {
        Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
    }

    private static func scalarLength(_ first: UInt8) -> Int {
        first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }
}

/// The double array.
extension PrecompiledCharacterMap {
    private static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    private static func hasLeaf(_ unit: UInt32) -> Bool { unit & 0x100 != 0 }
    private static func label(_ unit: UInt32) -> UInt32 { unit & 0x8000_00FF }
    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 0x200) >> 6) }
    private static func value(_ unit: UInt32) -> Int { Int(unit & 0x7FFF_FFFF) }

    /// Where the replacement of the shortest key that begins `key` is. NUL ends a key.
    private static func find(
        _ key: some Sequence<UInt8>, _ units: [UInt32], _ replacements: [UInt8]
    ) -> Range<Int>? {
        var node = offset(units[0])
        for byte in key {
            node ^= Int(byte)
            guard byte != 0, units.indices.contains(node), label(units[node]) == UInt32(byte) else { return nil }
            let unit = units[node]
            node ^= offset(unit)
            guard hasLeaf(unit) else { continue }
            guard units.indices.contains(node) else { return nil }
            let start = value(units[node])
            guard start <= replacements.count else { return nil }
            return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
        }
        return nil
    }

    /// A unit from which a text would be led outside of the map, or into the middle of a character; nil when none is.
    ///
    /// Visits every unit that a key of `longestKey` bytes can reach once, so a trie with circles ends too.
    private static func wrongUnit(_ units: [UInt32], _ replacements: [UInt8]) -> Int? {
        var visited = [Bool](repeating: false, count: units.count)
        var level = [offset(units[0])]
        for _ in 0..<longestKey {
            var next: [Int] = []
            for base in level {
                for byte in 1...255 where units.indices.contains(base ^ byte) && !visited[base ^ byte] {
                    let place = base ^ byte
                    guard label(units[place]) == UInt32(byte) else { continue }
                    visited[place] = true
                    let target = place ^ offset(units[place])
                    guard hasLeaf(units[place]) else {
                        next.append(target)
                        continue
                    }
                    guard units.indices.contains(target) else { return place }
                    let start = value(units[target])
                    guard start < replacements.count ? replacements[start] & 0xC0 != 0x80 : start == replacements.count
                    else { return place }
                }
            }
            level = next
        }
        return nil
    }
}
