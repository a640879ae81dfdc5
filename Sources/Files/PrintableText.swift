extension String {
    /// The text as it may reach a terminal: what could move the cursor, change colours or turn the direction of reading stands
    /// as `\u001b`, which in JSON means the same.
    ///
    /// - Parameter keepsLines: whether line ends and tabs stay as they are.
    public func printable(keepsLines: Bool = true) -> String {
        guard utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 || $0 == 0xE2 }) else { return self }
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            if Self.isUnprintable(scalar), !(keepsLines && (scalar == "\n" || scalar == "\t")) {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Control characters, line separators and marks of direction, all below U+10000.
    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
