/// A text on its way through normalizers and pre-tokenizers: UTF-8 and, where offsets are wanted, the scalars of the
/// original that each byte stands for.
struct NormalizedText {
    /// Scalars of the original text: `start` up to, not including, `end`.
    struct Span: Equatable {
        var start: Int32
        var end: Int32
    }

    private(set) var bytes: [UInt8]
    /// One span for each byte; nil where nobody asks for offsets.
    private(set) var spans: [Span]?

    /// - Parameter firstScalar: the place of the text's first scalar in the original; nil for a text without offsets.
    init(_ text: UnsafeBufferPointer<UInt8>, firstScalar: Int?) {
        bytes = Array(text)
        guard let firstScalar else { return }
        var spans: [Span] = []
        spans.reserveCapacity(text.count)
        var scalar = Int32(firstScalar) - 1
        for byte in text {
            if byte & 0xC0 != 0x80 { scalar += 1 }
            spans.append(Span(start: scalar, end: scalar + 1))
        }
        self.spans = spans
    }

    /// A part of a text.
    init(_ text: NormalizedText, _ range: Range<Int>) {
        bytes = Array(text.bytes[range])
        spans = text.spans.map { Array($0[range]) }
    }

    /// An empty text, to be written by `append`.
    init(tracksOffsets: Bool) {
        bytes = []
        spans = tracksOffsets ? [] : nil
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// What the bytes in `range`, which is not empty, stand for.
    func offsets(of range: Range<Int>) -> Range<Int> {
        guard let spans, !range.isEmpty else { return 0..<0 }
        let (start, end) = (Int(spans[range.lowerBound].start), Int(spans[range.upperBound - 1].end))
        return start..<max(start, end)
    }

    mutating func append(_ scalar: Unicode.Scalar, span: Span?) {
        let first = bytes.count
        bytes.append(contentsOf: UTF8.encode(scalar)!)
        if let span { spans?.append(contentsOf: repeatElement(span, count: bytes.count - first)) }
    }

    mutating func append(_ text: NormalizedText, _ range: Range<Int>) {
        bytes.append(contentsOf: text.bytes[range])
        if let more = text.spans { spans?.append(contentsOf: more[range]) }
    }

    var scalars: [Unicode.Scalar] { Array(String(decoding: bytes, as: UTF8.self).unicodeScalars) }

    /// Rewrites the text. An inserted scalar stands for what the byte before the present place stands for.
    ///
    /// - Parameter initiallyRemoved: how many scalars go at the very beginning.
    mutating func transform(_ changes: [ScalarChange], initiallyRemoved: Int = 0) {
        let old = self
        self = NormalizedText(tracksOffsets: old.spans != nil)
        bytes.reserveCapacity(old.bytes.count)
        var position = 0
        func pass(_ count: Int) {
            for _ in 0..<count where position < old.bytes.count {
                repeat { position += 1 } while position < old.bytes.count && old.bytes[position] & 0xC0 == 0x80
            }
        }
        pass(initiallyRemoved)
        for item in changes {
            let place = item.change > 0 ? position - 1 : position
            let span = old.spans.map { place >= 0 && place < $0.count ? $0[place] : Span(start: 0, end: 0) }
            append(item.scalar, span: span)
            if item.change <= 0 { pass(1 - item.change) }
        }
    }

    /// Removes the scalars that `keep` refuses.
    mutating func filter(_ keep: (Unicode.Scalar) -> Bool) {
        let scalars = scalars
        guard !scalars.allSatisfy(keep) else { return }
        var changes: [ScalarChange] = []
        var removedFirst = 0
        for scalar in scalars {
            if keep(scalar) {
                changes.append(ScalarChange(scalar))
            } else if changes.isEmpty {
                removedFirst += 1
            } else {
                changes[changes.count - 1].change -= 1
            }
        }
        transform(changes, initiallyRemoved: removedFirst)
    }

    /// Replaces each scalar by those that `body` gives for it; nothing may be removed.
    mutating func flatMap(_ body: (Unicode.Scalar) -> [Unicode.Scalar]) {
        transform(
            scalars.flatMap { scalar in body(scalar).enumerated().map { ScalarChange($1, $0 == 0 ? 0 : 1) } })
    }

    /// Puts `prefix` before a text that is not empty; it stands for what the first scalar stands for.
    mutating func prepend(_ prefix: String) {
        guard !isEmpty else { return }
        let span = spans?.first
        let old = self
        self = NormalizedText(tracksOffsets: old.spans != nil)
        for scalar in prefix.unicodeScalars { append(scalar, span: span) }
        append(old, 0..<old.bytes.count)
    }

    /// Replaces each match of `pattern` by `content`, which stands for what the last byte of the match stands for.
    mutating func replace(_ pattern: Pattern, with content: String) {
        let old = self
        self = NormalizedText(tracksOffsets: old.spans != nil)
        old.bytes.withUnsafeBufferPointer { text in
            pattern.forEachPart(of: text, in: 0..<text.count) { range, isMatch in
                guard isMatch else { return append(old, range) }
                let span = old.spans?[range.upperBound - 1]
                for scalar in content.unicodeScalars { append(scalar, span: span) }
            }
        }
    }
}
