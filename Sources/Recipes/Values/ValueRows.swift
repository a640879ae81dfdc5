import Distillation
import Files
import Formats

/// The rows of a split whose answers are no classes: texts, each with a number where the task has one.
struct ValueRows {
    let rows: TextRows
    /// A number per text; empty where the task has none.
    let numbers: [Double]

    var file: String { rows.file }
    var texts: [String] { rows.texts }
    var skipped: [InputError] { rows.skipped }
    var count: Int { rows.count }

    /// - Parameter label: the column of numbers; nil reads texts alone.
    /// - Throws: `InputErrors` with every row that cannot be used, the first twenty in words.
    init(reading address: DataAddress, _ data: Recipe.DataSection, label: String?) throws {
        rows = try TextRows(
            reading: address, text: data.text, label: label, skipBadRows: data.onBadRow == .skip, limit: data.limit,
            wanted: label == nil ? "a text" : "a text and a number"
        ) { text in
            guard Self.number(text) == nil else { return nil }
            return (
                "found '\(text.prefix(40))', expected a number from -1e15 to 1e15",
                "write it as 0.5 or -3, delete the row, or set data.on_bad_row=skip"
            )
        }
        numbers = rows.labels.map { Self.number($0)! }
    }

    /// Squares must stay finite in float32, and hexadecimal digits are no number that others read.
    private static func number(_ text: String) -> Double? {
        guard text.allSatisfy({ "0123456789+-.eE".contains($0) }), let number = Double(text), abs(number) <= 1e15 else {
            return nil
        }
        return number
    }
}
