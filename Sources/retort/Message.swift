import Files
import Foundation

/// Messages for a person, on standard error.
enum Message {
    /// Whether standard error is a terminal that shows colours.
    static let isTerminal = isatty(STDERR_FILENO) == 1
    static let usesColour = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    static func line(_ text: String) {
        raw(text.printable() + "\n")
    }

    /// Writes as it is. A closed terminal must not end a run that can still save what it has.
    static func raw(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    static func error(_ text: String) {
        raw(coloured("error: ", "31;1"))
        line(text)
    }

    /// The text in an ANSI style where the terminal shows it.
    static func coloured(_ text: String, _ style: String) -> String {
        usesColour ? "\u{1B}[\(style)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// As an argument in a shell.
    var shellQuoted: String {
        let plain = "./=,:@%+-_~"
        let isPlain = !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || plain.contains($0)) }
        return isPlain ? self : "'" + replacing("'", with: #"'\''"#) + "'"
    }
}

/// One line of data on standard output. Names and texts from files do not reach a terminal raw: see `printable`.
func printData(_ text: String) {
    writeData(text.printable() + "\n")
}

/// Data on standard output as it is. A closed pipe ends the program quietly, as `head` expects; a full disk does not.
func writeData(_ text: String) {
    let bytes = Data(text.utf8)
    do {
        try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
        let closedPipe = (error as? CocoaError)?.underlying as? POSIXError
        if closedPipe?.code == .EPIPE || errno == EPIPE { exit(0) }
        Message.error("cannot write to standard output: \(error.systemReason)")
        exit(2)
    }
}
