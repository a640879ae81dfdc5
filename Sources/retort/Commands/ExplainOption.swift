import ArgumentParser
import Foundation
import Recipes

/// `--explain`: says what would be done, and does nothing.
struct ExplainOption: ParsableArguments {
    @Flag(help: "Say of each stage whether it would run, and why. Writes nothing.")
    var explain = false

    /// Prints a line per stage, and one for each further reason.
    static func show(_ stages: [StageExplanation]) {
        let width = (stages.map(\.stage.count).max() ?? 0) + 2
        for stage in stages {
            let name = stage.stage.padding(toLength: width, withPad: " ", startingAt: 0)
            let verdict =
                switch stage.verdict {
                case .finished: "finished: the same inputs, and its results are there"
                case .runs: "would run: "
                case .depends: "would run "
                }
            let gap = "\n" + String(repeating: " ", count: width + verdict.count)
            printData(name + verdict + stage.reasons.joined(separator: gap))
        }
    }
}
