/// The ids of a text on their way through post-processors.
struct EncodedText {
    struct Piece {
        var id: Int32
        var typeID: Int32 = 0
        var isSpecial = false
        var offsets: Range<Int> = 0..<0
        /// Blanks at the beginning and the end of the token's text.
        var leadingBlanks = 0
        var trailingBlanks = 0
    }

    var pieces: [Piece]

    init(_ pieces: [Piece]) { self.pieces = pieces }

    init(special ids: [Int32], typeID: Int32) {
        pieces = ids.map { Piece(id: $0, typeID: typeID, isSpecial: true) }
    }

    static func + (first: EncodedText, second: EncodedText) -> EncodedText {
        EncodedText(first.pieces + second.pieces)
    }

    mutating func setType(_ typeID: Int32) {
        for index in pieces.indices { pieces[index].typeID = typeID }
    }

    /// Takes the blanks that begin and end a token out of its offsets.
    mutating func trim(_ trimming: PostProcessor.Trimming) {
        for index in pieces.indices {
            var (start, end) = (pieces[index].offsets.lowerBound, pieces[index].offsets.upperBound)
            var leading = pieces[index].leadingBlanks
            if index == 0 || start == 0, trimming.keepsAddedBlank, leading == 1 { leading = 0 }
            start = min(start + leading, end)
            let trailing = pieces[index].trailingBlanks
            if end >= trailing { end = max(end - trailing, start) }
            pieces[index].offsets = start..<end
        }
    }

    static func encoding(_ texts: [EncodedText]) -> Encoding {
        let pieces = texts.flatMap(\.pieces)
        return Encoding(
            ids: pieces.map(\.id), typeIDs: pieces.map(\.typeID), isSpecial: pieces.map(\.isSpecial),
            offsets: pieces.map(\.offsets))
    }
}
