import Foundation

/// Prints values as objects of JSON, a line each, their keys in snake case and in order.
struct JSONLineWriter {
    private let encoder: JSONEncoder

    init(isPretty: Bool = false) {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.dateEncodingStrategy = .iso8601
        encoder.keyEncodingStrategy = .convertToSnakeCase
    }

    func write(_ value: some Encodable) throws {
        printData(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
