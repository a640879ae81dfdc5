import Files
import Formats
import Foundation

/// What a million tokens of each version cost: a csv file with the columns version (`old`, `new`), input and output.
struct PriceTable {
    private struct Price {
        var input: Double
        var output: Double
    }

    private let old: Price
    private let new: Price

    /// - Throws: `InputError` where a price is missing or none.
    init(reading path: String) throws {
        var prices: [String: Price] = [:]
        for record in try TextRecords.read(path, columns: ["version", "input", "output"]).records {
            let numbers = record.fields.dropFirst().map { Double($0.trimmingCharacters(in: .whitespaces)) }
            guard let input = numbers[0], let output = numbers[1], input >= 0, output >= 0, input.isFinite,
                output.isFinite
            else {
                throw InputError(
                    file: path, line: record.line, problem: "a price is a number from 0",
                    remedy: "write what a million tokens cost, such as 0.15")
            }
            prices[record.fields[0].trimmingCharacters(in: .whitespaces)] = Price(input: input, output: output)
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
