import Foundation

/// The words of one text, back to back in one buffer that is used again for the next text.
struct WordBuffer {
    /// UTF-8 of all words.
    var bytes: [UInt8] = []
    /// The offset in `bytes` at which each word ends; it starts where the one before ended.
    var ends: [Int] = []

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Ends the word that is being written, if anything was written.
    mutating func endWord() {
        if bytes.count > (ends.last ?? 0) { ends.append(bytes.count) }
    }

    /// Forgets the words for which `condition` holds.
    mutating func removeWords(where condition: (UnsafeBufferPointer<UInt8>) -> Bool) {
        var tooLong: [Int] = []
        var number = 0
        forEachWord {
            if condition($0) { tooLong.append(number) }
            number += 1
        }
        for index in tooLong.reversed() {
            let start = index == 0 ? 0 : ends[index - 1]
            let length = ends[index] - start
            bytes.removeSubrange(start..<ends[index])
            ends.remove(at: index)
            for later in index..<ends.count { ends[later] -= length }
        }
    }

    func forEachWord(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        bytes.withUnsafeBufferPointer { all in
            var start = 0
            for end in ends {
                body(UnsafeBufferPointer(rebasing: all[start..<end]))
                start = end
            }
        }
    }
}

/// Cleans a text and cuts it into words, as `BertNormalizer` and `BertPreTokenizer` of the `tokenizers` package do.
///
/// Control characters go, white space separates, each CJK ideograph and each punctuation mark is a word; then,
/// as configured, accents are dropped after canonical decomposition and letters are lowered one scalar at a time
/// (so a final sigma stays σ).
struct WordSplitter: Sendable {
    let lowercase: Bool
    let stripAccents: Bool

    /// Appends the words of `text`, valid UTF-8, to `words`.
    func split(_ text: UnsafeBufferPointer<UInt8>, into words: inout WordBuffer) {
        if text.allSatisfy({ $0 < 0x80 }) {
            splitASCII(text, into: &words)
        } else {
            splitUnicode(String(decoding: text, as: UTF8.self), into: &words)
        }
        words.endWord()
    }

    private func splitASCII(_ text: UnsafeBufferPointer<UInt8>, into words: inout WordBuffer) {
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x61...0x7A:
                words.bytes.append(byte)
            case 0x41...0x5A:
                words.bytes.append(lowercase ? byte | 0x20 : byte)
            case 0x20, 0x09, 0x0A, 0x0D:
                words.endWord()
            case 0x21...0x7E:
                words.endWord()
                words.bytes.append(byte)
                words.endWord()
            default:
                continue  // the other control characters are removed, without ending the word
            }
        }
    }

    private func splitUnicode(_ text: String, into words: inout WordBuffer) {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { _ = Self.clean(scalar, into: &clean) }
        guard stripAccents else {
            for scalar in clean { appendLowered(scalar, to: &words) }
            return
        }
        for scalar in Self.decomposed(clean) where !BertCharacter.isAccent(scalar) {
            appendLowered(scalar, to: &words)
        }
    }

    /// Appends what is left of a scalar by the clean-up; how many scalars that is.
    static func clean(_ scalar: Unicode.Scalar, into clean: inout String.UnicodeScalarView) -> Int {
        if BertCharacter.isRemoved(scalar) { return 0 }
        if BertCharacter.isBlank(scalar) {
            clean.append(" ")
        } else if BertCharacter.isIdeograph(scalar) {
            // One by one: appending a collection copies the whole view each time.
            clean.append(" ")
            clean.append(scalar)
            clean.append(" ")
            return 3
        } else {
            clean.append(scalar)
        }
        return 1
    }

    private static func decomposed(_ scalars: String.UnicodeScalarView) -> String.UnicodeScalarView {
        let text = String(scalars)
        // The one scalar that Unicode has decomposed since the reference's tables were made.
        guard !scalars.contains("\u{11938}") else {
            return CanonicalForm.nfd.changes(to: Array(text.utf8)).map { changes in
                var result = String.UnicodeScalarView()
                for item in changes { result.append(item.scalar) }
                return result
            } ?? scalars
        }
        return text.decomposedStringWithCanonicalMapping.unicodeScalars
    }

    func appendLowered(_ scalar: Unicode.Scalar, to words: inout WordBuffer) {
        guard lowercase else { return append(scalar, to: &words) }
        for lowered in scalar.properties.lowercaseMapping.unicodeScalars { append(lowered, to: &words) }
    }

    private func append(_ scalar: Unicode.Scalar, to words: inout WordBuffer) {
        if BertCharacter.isBlank(scalar) {
            words.endWord()
        } else if BertCharacter.isPunctuation(scalar) {
            words.endWord()
            words.bytes.append(contentsOf: UTF8.encode(scalar)!)
            words.endWord()
        } else {
            words.bytes.append(contentsOf: UTF8.encode(scalar)!)
        }
    }
}
