import ArgumentParser

struct LabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract: "Record what a teacher says about texts, once, for any number of trainings.",
        discussion: """
            A recipe's teacher over its training rows, or any published model over the texts of some files. What is recorded is found \
            by the tokens of each row, whatever the order, the batch or the epoch.

            EXAMPLE
              retort label recipes/quickstart.yaml
              retort label MODEL --data train.csv --output targets --hidden 3 --hidden 6
              retort label SmolLM2-135M.gguf --data corpus.txt --choose-k
              retort label merge targets.h5 targets
              retort help label record
            """,
        subcommands: [LabelRecordCommand.self, LabelMergeCommand.self],
        defaultSubcommand: LabelRecordCommand.self)
}
