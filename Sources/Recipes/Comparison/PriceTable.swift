import Files
import Formats
import Foundation

/// What a million tokens of each version cost: a csv file with the columns version (`old`, `new`), input and output.
struct PriceTable {
    private struct Price {
        var input: Double
        var output: Double
        var line: Int
    }

    private let old: Price
    private let new: Price

    /// - Throws: `InputError` where a price is missing, given twice, or none.
    init(reading path: String) throws {
        var prices: [String: Price] = [:]
        for record in try TextRecords.read(path, columns: ["version", "input", "output"]).records {
            func refuse(_ field: String, _ problem: String, _ remedy: String) -> InputError {
                InputError(file: path, line: record.line, field: field, problem: problem, remedy: remedy)
            }
            func price(_ slot: Int, _ column: String) throws -> Double {
                let text = record.fields[slot].trimmingCharacters(in: .whitespaces)
                guard let price = Double(text), (0...1e9).contains(price) else {
                    throw refuse(
                        column, "found '\(text.prefix(40))', expected a number from 0 to 1e9",
                        "write what a million tokens cost, such as 0.15")
                }
                return price
            }
            let version = record.fields[0].trimmingCharacters(in: .whitespaces)
            guard version == "old" || version == "new" else {
                throw refuse("version", "found '\(version.prefix(40))', expected old or new", "leave the row out")
            }
            let own = Price(input: try price(1, "input"), output: try price(2, "output"), line: record.line)
            if let earlier = prices.updateValue(own, forKey: version) {
                throw refuse("version", "\(version) stands in line \(earlier.line) too", "keep one of them")
            }
        }
        guard let old = prices["old"], let new = prices["new"] else {
            throw InputError(
                file: path, field: "version",
                problem: "there must be a row for old and one for new; found "
                    + prices.keys.sorted().joined(separator: ", "), remedy: "write version,input,output")
        }
        (self.old, self.new) = (old, new)
    }

    /// Nil where a count is not known.
    func cost(isNew: Bool, prompt: Int?, completion: Int?) -> Double? {
        guard let prompt, let completion else { return nil }
        let price = isNew ? new : old
        return (Double(prompt) * price.input + Double(completion) * price.output) / 1e6
    }
}
