import Distillation
import Files
import Formats
import Foundation

/// The rows of a split whose answers are no classes: texts, each with a number where the task has one.
struct ValueRows {
    let file: String
    let texts: [String]
    /// A number per text; empty where the task has none.
    let numbers: [Double]
    let extent: TextRecords.Extent
    /// Why rows were left out.
    let skipped: [InputError]
    private let places: [(file: String, line: Int)]

    var count: Int { texts.count }

    /// Where a row was written, such as `train.csv:12`.
    func place(_ row: Int) -> String { "\(places[row].file):\(places[row].line)" }

    /// - Parameter label: the column of numbers; nil reads texts alone.
    /// - Throws: `InputErrors` with every row that cannot be used, the first twenty in words.
    init(reading address: DataAddress, _ data: Recipe.DataSection, label: String?) throws {
        var rows: (texts: [String], numbers: [Double], places: [(String, Int)]) = ([], [], [])
        var bad: [InputError] = []
        let skips = data.onBadRow == .skip
        extent = try TextRecords.forEach(
            in: address, columns: [data.text] + (label.map { [$0] } ?? []), limit: data.limit,
            leavingOut: skips ? { bad.append($0) } : nil
        ) { record in
            func refuse(_ column: String, _ problem: String, _ remedy: String) {
                bad.append(
                    InputError(file: record.file, line: record.line, field: column, problem: problem, remedy: remedy))
            }
            guard !record.fields[0].allSatisfy(\.isWhitespace) else {
                return refuse(
                    data.text, "the row has no text", "fill it in, delete the row, or set data.on_bad_row=skip")
            }
            if let label {
                let text = record.fields[1].trimmingCharacters(in: .whitespaces)
                // Squares must stay finite in float32, and hexadecimal digits are no number that others read.
                guard text.allSatisfy({ "0123456789+-.eE".contains($0) }), let number = Double(text),
                    abs(number) <= 1e15
                else {
                    return refuse(
                        label, "found '\(text.prefix(40))', expected a number from -1e15 to 1e15",
                        "write it as 0.5 or -3, delete the row, or set data.on_bad_row=skip")
                }
                rows.numbers.append(number)
            }
            rows.texts.append(record.fields[0])
            rows.places.append((record.file, record.line))
        }
        if !skips, !bad.isEmpty {
            let rest =
                bad.count > 20
                ? [InputError(file: address.text, problem: "and \(bad.count - 20) more rows like these")] : []
            throw InputErrors(bad.prefix(20) + rest)
        }
        guard !rows.texts.isEmpty else {
            throw InputErrors([
                InputError(
                    file: address.text, problem: "the split is empty: no row can be used",
                    remedy: "give a file with rows, or check data.text and data.label")
            ])
        }
        file = address.text
        (texts, numbers, places) = rows
        skipped = bad
    }
}
