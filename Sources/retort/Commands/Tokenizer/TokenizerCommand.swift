import ArgumentParser
import Files
import Foundation
import Tokenizers

struct TokenizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Train, use and compare tokenizers.",
        subcommands: [
            TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerDecodeCommand.self,
            TokenizerCompareCommand.self, TokenizerSpeedCommand.self,
        ])
}

/// Objects of JSON, a line each.
struct JSONLineWriter {
    private let encoder: JSONEncoder

    init(isPretty: Bool = false) {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.keyEncodingStrategy = .convertToSnakeCase
    }

    func write(_ value: some Encodable) throws {
        printData(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
