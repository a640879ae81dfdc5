/// A walk over one text with one pattern, whose time grows with the length of the text, whatever the pattern.
///
/// Backtracking alone is fastest for ordinary texts, but its time may grow with a power of a run's length, or exponentially
/// with the pattern's. So the walk counts its steps; after many more than the text has bytes it remembers which terms have
/// failed at which places, and does not try them there again.
struct PatternSearch {
    private let text: UnsafeBufferPointer<UInt8>
    private var stepsLeft: Int
    /// For each alternative, where anything failed: bit (row · places + place), rows 2i and 2i + 1 for term i and for its
    /// further repetitions. Empty until it is needed.
    private var failures: [[UInt64]] = []

    /// Texts as people write them take about one step for each byte and alternative that may begin there.
    private static let stepsPerByte = 64

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
        stepsLeft = Self.stepsPerByte * (text.count + 64)
    }

    /// The end of the match of an alternative's terms that begins at `start`.
    mutating func match(_ terms: UnsafeBufferPointer<Pattern.Term>, alternative: Int, at start: Int) -> Int? {
        if stepsLeft > 0 {
            let end = backtrack(terms, from: 0, at: start)
            if end != nil || stepsLeft > 0 { return end }
        }
        while failures.count <= alternative { failures.append([]) }
        if failures[alternative].isEmpty {
            failures[alternative] = Array(repeating: 0, count: (2 * terms.count * (text.count + 1) + 63) / 64)
        }
        return remember(terms, alternative, from: 0, at: start)
    }

    /// The end of a match of the terms from `index` on; nil as well where the steps ran out.
    private mutating func backtrack(
        _ terms: UnsafeBufferPointer<Pattern.Term>, from index: Int, at start: Int
    ) -> Int? {
        guard index < terms.count else { return start }
        let term = terms[index]
        if term.isLookahead {
            return term.set.match(text, at: start) == nil ? backtrack(terms, from: index + 1, at: start) : nil
        }
        var position = start
        var count = 0
        while count < term.maximum, let length = term.set.match(text, at: position) {
            position += length
            count += 1
        }
        stepsLeft -= count + 1
        while count >= term.minimum, stepsLeft > 0 {
            if let end = backtrack(terms, from: index + 1, at: position) { return end }
            guard count > term.minimum else { return nil }
            stepBack(&position, &count)
            stepsLeft -= 1
        }
        return nil
    }

    /// As `backtrack`, but nothing that failed is tried again.
    private mutating func remember(
        _ terms: UnsafeBufferPointer<Pattern.Term>, _ alternative: Int, from index: Int, at start: Int
    ) -> Int? {
        guard index < terms.count else { return start }
        guard !hasFailed(alternative, row: 2 * index, at: start) else { return nil }
        let term = terms[index]
        var end: Int?
        if term.isLookahead {
            if term.set.match(text, at: start) == nil {
                end = remember(terms, alternative, from: index + 1, at: start)
            }
        } else {
            end = repeated(terms, alternative, index, at: start)
        }
        if end == nil { noteFailure(alternative, row: 2 * index, at: start) }
        return end
    }

    private mutating func repeated(
        _ terms: UnsafeBufferPointer<Pattern.Term>, _ alternative: Int, _ index: Int, at start: Int
    ) -> Int? {
        let term = terms[index]
        // Where the count has no limit, what follows a place does not depend on how the place was reached.
        let isEndless = term.maximum == .max
        let row = 2 * index + 1
        var position = start
        var count = 0
        while true {
            if isEndless, count >= term.minimum, hasFailed(alternative, row: row, at: position) {
                guard count > term.minimum else { return nil }
                stepBack(&position, &count)
                break
            }
            guard count < term.maximum, let length = term.set.match(text, at: position) else { break }
            position += length
            count += 1
        }
        while count >= term.minimum {
            if let end = remember(terms, alternative, from: index + 1, at: position) { return end }
            if isEndless { noteFailure(alternative, row: row, at: position) }
            guard count > term.minimum else { return nil }
            stepBack(&position, &count)
        }
        return nil
    }

    private func stepBack(_ position: inout Int, _ count: inout Int) {
        repeat { position -= 1 } while text[position] & 0xC0 == 0x80
        count -= 1
    }

    private func hasFailed(_ alternative: Int, row: Int, at place: Int) -> Bool {
        let bit = row * (text.count + 1) + place
        return failures[alternative][bit / 64] >> UInt64(bit % 64) & 1 != 0
    }

    private mutating func noteFailure(_ alternative: Int, row: Int, at place: Int) {
        let bit = row * (text.count + 1) + place
        failures[alternative][bit / 64] |= 1 << UInt64(bit % 64)
    }
}
