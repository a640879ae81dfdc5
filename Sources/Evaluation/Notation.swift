import Foundation

/// How the report writes quantities for people.
enum Notation {
    static let minus = "\u{2212}"
    static let none = "–"

    /// 1234567 → `1,234,567`.
    static func count(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? minus : ""
        for (i, digit) in digits.enumerated() {
            if i > 0, (digits.count - i).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Decimal units, as disks are sold: 1234567 → `1.23 MB`.
    static func bytes(_ value: Double) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var size = value
        var unit = 0
        while size >= 999.5, unit < units.count - 1 {
            size /= 1000
            unit += 1
        }
        return (unit == 0 ? fixed(size, 0) : significant(size)) + " " + units[unit]
    }

    /// 0.9534 → `95.3%`.
    static func percent(_ value: Double) -> String { fixed(value * 100, 1) + "%" }

    /// An interval of shares without its unit: `94.3–96.1`.
    static func percentRange(_ estimate: Estimate) -> String {
        fixed(estimate.low * 100, 1) + "–" + fixed(estimate.high * 100, 1)
    }

    /// A difference of shares in percentage points, with its sign: 0.0042 → `+0.4`.
    static func points(_ value: Double) -> String {
        let text = fixed(value * 100, 1)
        return text.hasPrefix(minus) || text == "0.0" ? text : "+" + text
    }

    /// 10.24 → `10.2×`.
    static func ratio(_ value: Double) -> String {
        (0.95..<99.95).contains(value) ? fixed(value, 1) + "×" : significant(value) + "×"
    }

    /// Hundredths where they matter, so that a column of latencies lines up.
    static func milliseconds(_ value: Double) -> String {
        ((0.095..<0.9995).contains(value) ? fixed(value, 2) : significant(value)) + " ms"
    }

    /// Three significant digits without an exponent for values of everyday size: `0.123`, `12.3`, `1,234`.
    static func significant(_ value: Double) -> String {
        let size = abs(value)
        switch size {
        case 999.5..<1e15: return count(Int(value.rounded()))
        case 99.95...: return size < 1e15 ? fixed(value, 0) : String(value)
        case 9.995...: return fixed(value, 1)
        case 0.9995...: return fixed(value, 2)
        case 0.0005...: return fixed(value, 3)
        default: return value == 0 ? "0" : String(format: "%.1e", value)
        }
    }

    /// What an axis marks: `2 MB`, not `2.00 MB`.
    static func tick(_ text: String) -> String {
        let number = text.prefix { $0 != " " }
        guard number.contains("."), !number.contains("e") else { return text }
        var short = number
        while short.hasSuffix("0") { short.removeLast() }
        if short.hasSuffix(".") { short.removeLast() }
        return "\(short)\(text.dropFirst(number.count))"
    }

    /// A p-value with its relation: `= 0.031`, or `< 0.001`.
    static func comparedP(_ value: Double) -> String { value < 0.001 ? "< 0.001" : "= " + fixed(value, 3) }

    /// A p-value: `0.031`, or `< 0.001`.
    static func pValue(_ value: Double) -> String { value < 0.001 ? "< 0.001" : fixed(value, 3) }

    /// A fixed number of decimals; a minus sign, not a hyphen, and none before zero.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", abs(value))
        return value < 0 && text.contains { ("1"..."9").contains($0) } ? minus + text : text
    }

    /// `one gate`, `3 gates`.
    static func counted(_ value: Int, _ noun: String) -> String {
        value == 1 ? "one \(noun)" : "\(count(value)) \(noun)s"
    }
}
