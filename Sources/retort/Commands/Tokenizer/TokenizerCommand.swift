import ArgumentParser

struct TokenizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Train, use and compare tokenizers.",
        discussion: """
            EXAMPLE
              retort tokenizer train --vocabulary 8192 train.csv -o vocabulary
              echo 'Hello world' | retort tokenizer encode MODEL
            """,
        subcommands: [
            TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerDecodeCommand.self,
            TokenizerCompareCommand.self, TokenizerSpeedCommand.self,
        ])
}
