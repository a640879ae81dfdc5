import ArgumentParser
import Distillation
import Files
import Formats
import Foundation
import Recipes

struct CascadeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cascade", abstract: "A student that asks its teacher where it is not sure.",
        discussion: """
            EXAMPLE
              retort cascade calibrate --student runs/NAME/export --teacher runs/NAME/models/teacher \\
                --data test.csv --output cascade.json
            """,
        subcommands: [CascadeCalibrateCommand.self])
}

struct CascadeCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Find the confidence from which on the student answers itself, and what that saves.",
        discussion: """
            Both sides are classifiers, or .jsonl files of their recorded answers with scores. Half of the rows, or those of \
            --calibration, choose a temperature and thresholds for three measures of confidence, each large where the \
            student is sure (largest probability, margin over the next class, entropy as 1 − entropy / log of the classes); the \
            others judge them: accuracy with its interval, rows that go to the teacher, and what is saved at 90, \
            95 and 99 % of the teacher's accuracy. The student's cost of a row over the teacher's is that of their latencies, or \
            --relative-cost.

            EXAMPLE
              retort cascade calibrate --student runs/NAME/export --teacher runs/NAME/models/teacher \\
                --data datasets/prompt-injection/test.csv --output cascade.json
            """)

    @Option(help: "The student: a model directory, an exported ONNX file, a run, or a .jsonl file of its answers.")
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

    @Option(help: "Queries that are timed for the cost; by default 100.")
    var queries: Int?

    @Option(help: "For the random numbers of intervals, and the halves.")
    var seed: UInt64 = 0

    @Option(
        help:
            "The file to write, which may replace an earlier one of this command: temperature, thresholds, curves and digests as JSON."
    )
    var output: String?

    @Option(help: "The page to write, with the curves of cost and quality; it may replace an earlier one.")
    var html: String?

    @Flag(help: "Print that JSON to standard output.")
    var json = false

    func validate() throws {
        if let relativeCost, !(relativeCost >= 0 && relativeCost.isFinite) {
            throw ValidationError("--relative-cost must be 0 or more")
        }
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        if html?.isEmpty == true { throw ValidationError("--html needs a name") }
        func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        if let html, let output, place(html) == place(output) {
            throw ValidationError("--html and --output need names of their own")
        }
        if calibration != nil, [student, teacher].contains(where: Comparison.isRecording) {
            throw ValidationError(
                "--calibration goes with models: recorded answers are of one data set; leave it out to choose on half of its rows"
            )
        }
        if let queries, !(1...1_000_000).contains(queries) {
            throw ValidationError("--queries must lie in 1 to 1000000")
        }
        if queries != nil {
            if relativeCost != nil {
                throw ValidationError("--queries does nothing with --relative-cost: nothing is timed")
            }
            if [student, teacher].allSatisfy(Comparison.isRecording) {
                throw ValidationError("--queries does nothing here: recorded answers are not timed")
            }
        }
    }

    func run() throws {
        Interruption.endAtOnce()
        let inputs =
            [student, teacher] + [data, calibration].compactMap { $0 }.flatMap { (try? DataAddress($0))?.files ?? [] }
        let place = try output.map {
            try OutputPlace(
                file: $0, option: "--output", reading: inputs, replaceable: CascadeCalibration.isStored,
                "calibration of a cascade")
        }
        let page = try html.map {
            try OutputPlace(
                file: $0, option: "--html", reading: inputs, replaceable: CascadeCalibration.isPage, "page of a cascade"
            )
        }
        var options = Comparison.Options()
        (options.text, options.label, options.id, options.requiresLabel) = (text, label, id, true)
        (options.queries, options.seed) = (queries ?? 100, seed)
        let result = try CascadeCalibration(
            student: student, teacher: teacher, data: data, calibration: calibration, relativeCost: relativeCost,
            options)
        if json {
            writeData(String(decoding: try result.json(), as: UTF8.self))
        } else {
            for line in result.lines { printData(line) }
        }
        try place?.write { file in
            try result.write(to: file)
            Message.line("calibration: \(file.relativePath)")
        }
        try page?.write { file in
            let command = (["retort"] + CommandLine.arguments.dropFirst().map(\.shellQuoted)).joined(separator: " ")
            try AtomicFile.write(result.html(commands: [command]), to: file)
            Message.line("page: \(file.relativePath)")
        }
    }
}
