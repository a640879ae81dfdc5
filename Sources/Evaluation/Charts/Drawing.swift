import Foundation

/// An inline SVG picture under construction. Colours come from the page's style sheet by class name.
struct Drawing {
    enum Anchor: String { case start, middle, end }

    let width: Double
    let height: Double
    /// What a person hears who cannot see the picture.
    let name: String
    private var marks = ""

    init(width: Double, height: Double, name: String) {
        self.width = width
        self.height = height
        self.name = name
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) {
        marks += "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
        marks += "class=\"\(style)\"/>"
    }

    mutating func polyline(_ points: [(x: Double, y: Double)], style: String) {
        let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        marks += "<polyline points=\"\(list)\" class=\"\(style)\"/>"
    }

    mutating func circle(_ x: Double, _ y: Double, radius: Double, style: String) {
        marks += "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" class=\"\(style)\"/>"
    }

    /// - Parameter tip: Shown when the pointer rests on the rectangle.
    mutating func rectangle(
        _ x: Double, _ y: Double, width: Double, height: Double, style: String, opacity: Double = 1, tip: String
    ) {
        marks += "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" "
        marks += "rx=\"2\" class=\"\(style)\" fill-opacity=\"\(number(opacity))\">"
        marks += "<title>\(MarkupEscape.escape(tip))</title></rect>"
    }

    mutating func text(_ x: Double, _ y: Double, _ text: String, anchor: Anchor = .start, style: String = "note") {
        marks += "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor.rawValue)\" class=\"\(style)\">"
        marks += MarkupEscape.escape(text) + "</text>"
    }

    /// The SVG element.
    var markup: String {
        "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" width=\"\(number(width))\" height=\"\(number(height))\" "
            + "role=\"img\" aria-label=\"\(MarkupEscape.escape(name))\">\(marks)</svg>"
    }

    /// Hundredths of a pixel are enough. A value far outside any picture, from a loss of 1e300, is drawn at its edge.
    private func number(_ value: Double) -> String {
        let value = value.isNaN ? 0 : min(max(value, -10_000), 10_000)
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }
}
