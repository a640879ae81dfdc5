import ArgumentParser
import Distillation
import Evaluation
import Files
import Foundation

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Show several runs side by side: numbers, sizes, latencies and gates.",
        discussion: """
            Takes finished runs, or directories that `retort eval --output` wrote, of one task.

            EXAMPLE
              retort report runs/quickstart-* --output comparison
            """)

    @Argument(help: "Runs, or directories of reports; at least one.")
    var runs: [String]

    @Option(help: "Where to write report.html and report.json.")
    var output: String?

    @Flag(help: "Print report.json to standard output instead of the table.")
    var json = false

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        if let output {
            func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
            if runs.contains(where: { place($0) == place(output) }) {
                throw ValidationError("--output \(output) is one of the reports that are read: name another directory")
            }
        }
    }

    func run() throws {
        Interruption.endAtOnce()
        let place = try output.map {
            try OutputPlace(
                directory: $0, writing: ["report.html", "report.json"],
                reading: runs.flatMap { ["\($0)/report/report.json", "\($0)/report.json"] })
        }
        var (reports, problems): ([StoredReport], [InputError]) = ([], [])
        for run in runs {
            do {
                reports.append(try StoredReport(of: run))
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw InputErrors(problems) }
        let report = try RunsReport(reports)
        if json {
            writeData(String(decoding: try report.json(), as: UTF8.self))
        } else {
            printData(report.table())
            if !report.haveSameData {
                Message.line("the data of the runs differ: their numbers are not those of one comparison")
            }
        }
        try place?.write { directory in
            try report.write(to: directory)
            Message.line("report: \(directory.appendingPathComponent("report.html").relativePath)")
        }
    }
}
