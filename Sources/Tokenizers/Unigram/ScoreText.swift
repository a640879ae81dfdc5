import Foundation

/// Reads a decimal number as the reference implementation reads it, which is not always to the nearest `Double`.
///
/// Its parser (`serde_json` in its default build) takes the digits as one integer of 64 bits, leaving out those that do
/// not fit, rounds it, and multiplies or divides by a power of ten. About one score in six of a published vocabulary
/// comes out one unit in the last place away from the nearest value, which decides between paths of nearly equal score.
package enum ScoreText {
    /// The value of a number written as JSON says (RFC 8259); nil when it is not one, or not finite.
    package static func value(of text: Substring.UTF8View) -> Double? {
        var rest = text
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        var significand: UInt64 = 0
        var exponent = 0
        var isFull = false
        let whole = digits(&rest)
        guard !whole.isEmpty, whole.count == 1 || whole.first != 0x30 else { return nil }
        for digit in whole {
            if !isFull, let longer = append(digit, to: significand) {
                significand = longer
            } else {
                isFull = true
                exponent += 1
            }
        }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let fraction = digits(&rest)
            guard !fraction.isEmpty else { return nil }
            for digit in fraction {
                guard !isFull, let longer = append(digit, to: significand) else { break }
                significand = longer
                exponent -= 1
            }
        }
        if let first = rest.first, first | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            let sign = rest.first
            if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
            let power = digits(&rest)
            guard !power.isEmpty else { return nil }
            let size = power.reduce(0) { min($0 * 10 + Int($1 - 0x30), 1 << 20) }
            exponent += sign == UInt8(ascii: "-") ? -size : size
        }
        guard rest.isEmpty, let value = scale(Double(significand), by: exponent) else { return nil }
        return isNegative ? -value : value
    }

    /// A number whose `value` is `score`, which is finite: as short as possible, else with 17 to 19 digits of the score or of
    /// one of its neighbours.
    static func text(of score: Double) -> String {
        let neighbours = [score, score.nextUp, score.nextDown]
        let texts = neighbours.lazy.map { "\($0)" }
        let longer = [16, 17, 18].lazy.flatMap { digits in neighbours.map { String(format: "%.\(digits)e", $0) } }
        func isRead(_ text: String) -> Bool { value(of: text[...].utf8) == score }
        return texts.first(where: isRead) ?? longer.first(where: isRead) ?? "\(score)"
    }

    /// Takes the digits that `rest` begins with.
    private static func digits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
        let taken = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest[taken.endIndex...]
        return taken
    }

    private static func append(_ digit: UInt8, to significand: UInt64) -> UInt64? {
        let (tenfold, overflows) = significand.multipliedReportingOverflow(by: 10)
        let (sum, carries) = tenfold.addingReportingOverflow(UInt64(digit - 0x30))
        return overflows || carries ? nil : sum
    }

    /// `value` · 10^`exponent`, in steps that a power of ten can be written for.
    private static func scale(_ value: Double, by exponent: Int) -> Double? {
        var (value, exponent) = (value, exponent)
        while exponent < -308, value != 0 {
            value /= powersOfTen[308]
            exponent += 308
        }
        guard value != 0 else { return value }
        guard exponent <= 308 else { return nil }
        let scaled = exponent < 0 ? value / powersOfTen[-exponent] : value * powersOfTen[exponent]
        return scaled.isFinite ? scaled : nil
    }

    /// 10⁰ … 10³⁰⁸, each the nearest `Double`.
    private static let powersOfTen = (0...308).map { Double("1e\($0)") ?? .infinity }
}
