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
              retort label answers batch-output.jsonl --data train.csv --tokenizer MODEL --classes classes.yaml --output targets.h5
              retort label mix both.h5 large.h5:0.7 small.h5:0.3
              retort label merge targets.h5 targets
              retort label check targets.h5
              retort help label record
            """,
        subcommands: [
            LabelRecordCommand.self, LabelAnswersCommand.self, LabelMixCommand.self, LabelMergeCommand.self,
            LabelCheckCommand.self,
        ],
        defaultSubcommand: LabelRecordCommand.self)
}
