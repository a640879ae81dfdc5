import ArgumentParser
import Files
import Foundation
import Recipes

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List runs: how far each is, how good its model, how large it is.",
        discussion: """
            A folder that is no run, or a damaged one, is named with what is the matter. Changes nothing.

            EXAMPLE
              retort runs
              retort runs experiments --json
            """)

    @Argument(help: "The directory that holds the runs, or one run.")
    var directory = "runs"

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let url = URL(fileURLWithPath: directory, isDirectory: true)
        let isAbsent = !FileManager.default.fileExists(atPath: url.path) && directory == "runs"
        let runs = isAbsent ? [] : try RunListing.all(in: url)
        if json { return try JSONLineWriter(isPretty: true).write(Listing(runs: runs)) }
        guard !runs.isEmpty else {
            return Message.line("no runs in \(directory)\nnext: retort run quickstart")
        }
        let rows = [["RUN", "STATE", "RESULT", "SIZE", "CHANGED"]] + runs.map(row)
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
        for row in rows {
            let cells = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
            printData(cells.joined(separator: "  ").replacing(/\ +$/, with: ""))
        }
        for run in runs {
            if let problem = run.problem { Message.line("\(run.name): \(problem)") }
        }
        if let unfinished = runs.last(where: { $0.state == .interrupted }) {
            Message.line("next: retort resume \(unfinished.path)")
        }
    }

    private struct Listing: Encodable {
        var schema = 1
        var runs: [RunListing]
    }

    private func row(_ run: RunListing) -> [String] {
        let metrics = run.metrics.sorted { $0.key < $1.key }
            .map { "\($0.key) \(String(format: "%.4f", $0.value))" }
        let result = ([run.model].compactMap { metrics.isEmpty ? nil : $0 } + metrics).joined(separator: " ")
        return [
            run.name.printable(keepsLines: false), state(of: run).printable(keepsLines: false), result,
            run.bytes.map { String(format: "%.1f MB", Double($0) / 1e6) } ?? "", run.changed.map(age) ?? "",
        ]
    }

    private func state(of run: RunListing) -> String {
        let place =
            run.stage.map { stage in " in \(stage)\(run.step.map { ", step \($0)" } ?? "")" } ?? ""
        switch run.state {
        case .finished: return "finished"
        case .failedGates: return "finished, a gate failed"
        case .interrupted: return "interrupted\(place)"
        case .running: return "running (\(run.holder ?? ""))\(place)"
        case .damaged: return "damaged"
        case .foreign: return "not a run"
        }
    }

    private func age(_ date: Date) -> String {
        let seconds = max(0, Int(-date.timeIntervalSinceNow))
        switch seconds {
        case ..<60: return "\(seconds) s ago"
        case ..<3600: return "\(seconds / 60) min ago"
        case ..<172_800: return "\(seconds / 3600) h ago"
        default: return "\(seconds / 86_400) days ago"
        }
    }
}
