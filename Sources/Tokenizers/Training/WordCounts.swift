import Dispatch

/// How often each word of a corpus occurs, counted on all cores in bounded memory.
///
/// A corpus may have any number of different words. When there are more than `limit`, or more than 64 bytes for each of so
/// many, the rarest ones are forgotten until half of that is left (as in Manku & Motwani 2002, "Approximate frequency counts
/// over data streams"); `forgotten` tells how often such words occurred. Up to then the counts are exact; they never depend
/// on the number of threads.
public struct WordCounts: Sendable {
    /// Cuts a text into the words of one kind of vocabulary.
    typealias Split = @Sendable (UnsafeBufferPointer<UInt8>, inout WordBuffer) -> Void

    /// How many different words are kept at most, unless something else is asked for.
    public static let usualLimit = 8_000_000

    private let split: Split
    private let limit: Int
    private(set) var table = WordTable()
    /// How many texts were counted.
    public private(set) var texts = 0
    /// How many words were counted, each as often as it occurs.
    public private(set) var total = 0
    /// How many of these were forgotten to keep memory bounded.
    public private(set) var forgotten = 0

    init(limit: Int, split: @escaping Split) {
        self.limit = limit
        self.split = split
    }

    /// How many different words there are.
    public var distinct: Int { table.count }

    /// Calls `body` with each word, in UTF-8 (a byte-level word may be a part of it), and how often it occurs.
    public func forEachWord(_ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
        table.forEachWord(body)
    }

    /// Counts the words of more texts.
    public mutating func add(_ texts: [String]) {
        self.texts += texts.count
        for part in count(texts) {
            total += part.total
            table.add(part.table)
        }
        forgetRarest()
    }

    /// Counts parts of the texts beside each other.
    private func count(_ texts: [String]) -> [(table: WordTable, total: Int)] {
        let parts = min(EncodingThreads.count, (texts.count + 31) / 32)
        guard parts > 1 else { return [count(texts[...])] }
        return [(table: WordTable, total: Int)](unsafeUninitializedCapacity: parts) { output, initialized in
            // Every index is written once, by the one part that holds it.
            nonisolated(unsafe) let output = output
            DispatchQueue.concurrentPerform(iterations: parts) { part in
                let range = texts.count * part / parts..<texts.count * (part + 1) / parts
                output.initializeElement(at: part, to: count(texts[range]))
            }
            initialized = parts
        }
    }

    private func count(_ texts: ArraySlice<String>) -> (table: WordTable, total: Int) {
        var table = WordTable()
        var total = 0
        var words = WordBuffer()
        for text in texts {
            words.removeAll()
            WordPieceTokenizer.withUTF8(text) { split($0, &words) }
            total += words.ends.count
            words.forEachWord { table.add($0) }
        }
        return (table, total)
    }

    private mutating func forgetRarest() {
        guard isLarger(than: limit) else { return }
        var minimum = 1
        while isLarger(than: limit / 2) {
            minimum += 1 + minimum / 2
            table = table.keeping(atLeast: minimum)
        }
        var left = 0
        table.forEachWord { left += $1 }
        forgotten = total - left
    }

    private func isLarger(than limit: Int) -> Bool {
        table.count > limit || table.byteCount > 64 * limit
    }
}
