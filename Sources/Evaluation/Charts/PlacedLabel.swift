/// A rectangle that labels must not share.
struct Box {
    var x: Double
    var y: Double
    var width: Double
    var height: Double

    func overlap(_ other: Box) -> Double {
        let across = min(x + width, other.x + other.width) - max(x, other.x)
        let down = min(y + height, other.y + other.height) - max(y, other.y)
        return across > 0 && down > 0 ? across * down : 0
    }
}

/// A point's name, put beside it where it covers the least; a long name takes two lines.
struct PlacedLabel {
    static let lineHeight = 13.0

    let lines: [String]
    let box: Box
    let anchor: Drawing.Anchor

    /// Where the text is anchored, in the horizontal.
    var anchorX: Double {
        switch anchor {
        case .start: box.x
        case .middle: box.x + box.width / 2
        case .end: box.x + box.width
        }
    }

    /// - Parameters:
    ///   - taken: What the label must not cover.
    ///   - frame: Where it must stay.
    init(_ text: String, beside point: (x: Double, y: Double), avoiding taken: [Box], inside frame: Box) {
        lines = PlacedLabel.broken(text)
        // The mean width of a letter in the fonts of the page, at its size for labels.
        let width = Double(lines.map(\.count).max() ?? 0) * 6.1
        let height = Double(lines.count) * PlacedLabel.lineHeight + 1
        var candidates: [(anchor: Drawing.Anchor, box: Box)] = []
        for shift in [0.0, -11, 11, -22, 22] {
            let y = point.y - height / 2 + shift
            candidates.append((.start, Box(x: point.x + 9, y: y, width: width, height: height)))
            candidates.append((.end, Box(x: point.x - 9 - width, y: y, width: width, height: height)))
        }
        for y in [point.y - 9 - height, point.y + 9] {
            candidates.append((.middle, Box(x: point.x - width / 2, y: y, width: width, height: height)))
        }
        func cost(_ box: Box) -> Double {
            let outside = box.width * box.height - box.overlap(frame)
            // Whole pixels: rounding errors must not decide between places that are equally good.
            return taken.reduce(outside * 4) { $0 + box.overlap($1) }.rounded()
        }
        // `min` keeps the first of equals: the earlier places are the better ones.
        let best = candidates.min { cost($0.box) < cost($1.box) } ?? candidates[0]
        anchor = best.anchor
        box = best.box
    }

    private static func broken(_ text: String) -> [String] {
        let middle = text.count / 2
        let spaces = text.indices.filter { text[$0] == " " }
        guard text.count > 16,
            let space = spaces.min(by: { distance($0, middle, in: text) < distance($1, middle, in: text) })
        else { return [text] }
        return [String(text[..<space]), String(text[text.index(after: space)...])]
    }

    private static func distance(_ index: String.Index, _ middle: Int, in text: String) -> Int {
        abs(text.distance(from: text.startIndex, to: index) - middle)
    }
}
