import Foundation
import Testing

/// Two models' recorded answers, and the commands that compare them.
extension Command {
    static let eval = ["eval", "new.jsonl", "--against", "old.jsonl", "--data", "rows.csv"]
    static let compare = ["compare", "old.jsonl", "new.jsonl", "--data", "prompts.csv"]
    static let cascade = [
        "cascade", "calibrate", "--student", "new.jsonl", "--teacher", "old.jsonl", "--data", "rows.csv",
        "--relative-cost", "0.1",
    ]

    /// In a folder of its own, which is removed then.
    static func with(_ body: (Command) throws -> Void) throws {
        let command = try Command()
        defer { #expect(throws: Never.self) { try command.remove() } }
        try body(command)
    }

    /// Rows and answers of two classes as `rows.csv`, `old.jsonl` and `new.jsonl`.
    func writeAnswers(rows: Int = 12, _ text: (Int) -> String = { "text \($0)" }) throws {
        let labels = (0..<rows).map { $0 % 2 == 0 ? "a" : "b" }
        try write(
            "id,text,label,kind\n" + labels.enumerated().map { "r\($0),\(text($0)),\($1),k\($0 % 3)\n" }.joined(),
            to: "rows.csv")
        for (name, score) in [("old", 0.9), ("new", 0.8)] {
            let lines = labels.enumerated().map { row, label in
                let first = label == "a" ? score : 1 - score
                return
                    #"{"id":"r\#(row)","label":"\#(label)","scores":{"a":\#(first),"b":\#(1 - first)},"text":"\#(label)"}"#
            }
            try write(lines.joined(separator: "\n") + "\n", to: "\(name).jsonl")
        }
    }

    /// Runs to the end, and expects the exit code and words on standard error.
    func expect(
        _ status: Int32, _ words: String..., from arguments: [String], _ place: SourceLocation = #_sourceLocation
    ) throws {
        let result = try start(arguments).finish()
        #expect(result.status == status, "\(arguments): \(result.errors)", sourceLocation: place)
        for word in words {
            #expect(result.errors.contains(word), "\(arguments): \(result.errors)", sourceLocation: place)
        }
    }
}
