import ArgumentParser
import Distillation
import Files
import Foundation
import Recipes

struct CascadeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cascade", abstract: "A student that asks its teacher where it is not sure.",
        subcommands: [CascadeCalibrateCommand.self])
}

struct CascadeCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Find the confidence from which on the student answers itself, and what that saves.",
        discussion: """
            Both sides are classifiers, or .jsonl files of their recorded answers with scores. Half of the rows, or those of \
            --calibration, choose a temperature and thresholds for three measures of confidence (largest probability, margin, \
            entropy); the others judge them: accuracy with its interval, rows that go to the teacher, and what is saved at 90, \
            95 and 99 % of the teacher's accuracy. The student's cost of a row over the teacher's is that of their latencies, or \
            --relative-cost.

            EXAMPLE
              retort cascade calibrate --student runs/NAME/export --teacher runs/NAME/models/teacher \\
                --data datasets/prompt-injection/test.csv --output cascade.json
            """)

    @Option(help: "The student: a model directory, a run, or a .jsonl file of its answers.")
    var student: String

    @Option(help: "The teacher, likewise.")
    var teacher: String

    @Option(help: "The rows: csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var data: String

    @Option(help: "Rows that choose, so that all of --data judges.")
    var calibration: String?

    @Option(help: "Column of the text.")
    var text = "text"

    @Option(help: "Column of the label.")
    var label = "label"

    @Option(help: "Column that names the rows; by default id, if there is one.")
    var id: String?

    @Option(help: "The student's cost of a row over the teacher's, such as 0.05; by default from latencies.")
    var relativeCost: Double?

    @Option(help: "Queries that are timed.")
    var queries = 100

    @Option(help: "For the random numbers of intervals, and the halves.")
    var seed: UInt64 = 0

    @Option(help: "The file to write: temperature, thresholds, curves and digests as JSON.")
    var output: String?

    @Flag(help: "Print that JSON to standard output.")
    var json = false

    func validate() throws {
        if let relativeCost, !(relativeCost >= 0 && relativeCost.isFinite) {
            throw ValidationError("--relative-cost must be 0 or more")
        }
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        if queries < 1 { throw ValidationError("--queries must be at least 1") }
    }

    func run() throws {
        Interruption.listen()
        var options = Comparison.Options()
        (options.text, options.label, options.id) = (text, label, id)
        (options.queries, options.seed) = (queries, seed)
        let result = try CascadeCalibration(
            student: student, teacher: teacher, data: data, calibration: calibration, relativeCost: relativeCost,
            options)
        if json {
            writeData(String(decoding: try result.json(), as: UTF8.self))
        } else {
            for line in result.lines { printData(line) }
        }
        guard let output else { return }
        try result.write(to: URL(fileURLWithPath: output))
        Message.line("calibration: \(output)")
    }
}
