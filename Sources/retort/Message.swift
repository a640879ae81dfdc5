import Foundation

/// Messages for a person, on standard error.
enum Message {
    /// Whether standard error is a terminal that shows colours.
    static let isTerminal = isatty(STDERR_FILENO) == 1
    static let usesColour = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    static func line(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    static func error(_ text: String) {
        line(coloured("error: ", "31;1") + text)
    }

    /// The text in an ANSI style where the terminal shows it.
    static func coloured(_ text: String, _ style: String) -> String {
        usesColour ? "\u{1B}[\(style)m\(text)\u{1B}[0m" : text
    }
}

/// One line of data on standard output.
///
/// - Throws: nothing; a closed pipe ends the program quietly, as `head` expects.
func printData(_ text: String) {
    let bytes = Data((text + "\n").utf8)
    do {
        try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
        exit(0)
    }
}
