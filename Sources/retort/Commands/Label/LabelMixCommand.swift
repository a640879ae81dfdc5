public import ArgumentParser
public import Distillation
import Files
import Formats
import Foundation
import Recipes

struct LabelMixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mix",
        abstract: "Make one recording of several teachers' recordings of the same rows.",
        discussion: """
            mean: the weighted mean of the probabilities at temperature 1; weights are scaled to sum to 1, equal without weights. \
            most_confident: each row is the teacher's whose distribution has the lowest entropy.

            With all outcomes recorded the result is exact at every temperature. With the k likeliest of V, an outcome that a teacher \
            left out counts with its even share of that teacher's tail; the k likeliest of the mixture are kept, and the tail counts as \
            even at other temperatures than 1 (tail: uniform). States are taken from none.

            EXAMPLE
              retort label mix both.h5 large.h5:0.7 small.h5:0.3
              retort label mix best.h5 a.h5 b/ c/ --rule most_confident
            """)

    @Argument(help: "The file to write.")
    var output: String

    @Argument(help: ArgumentHelp("Recordings, each with its weight if it has one.", valueName: "recording[:weight]"))
    var recordings: [String]

    @Option(help: "mean or most_confident.")
    var rule = TargetMixture.Rule.mean

    @Flag(help: "Replace the output if it is there.")
    var force = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws { _ = try sources() }

    /// Paths and weights.
    private func sources() throws -> [(path: String, weight: Double)] {
        let parsed = recordings.map { text -> (path: String, weight: Double?) in
            guard let colon = text.lastIndex(of: ":"), let weight = Double(text[text.index(after: colon)...]) else {
                return (text, nil)
            }
            return (String(text[..<colon]), weight)
        }
        guard parsed.count >= 2 else { throw ValidationError("give at least two recordings") }
        let weighted = parsed.count { $0.weight != nil }
        guard weighted == 0 || weighted == parsed.count else {
            throw ValidationError("give a weight to every recording, or to none")
        }
        guard parsed.allSatisfy({ $0.weight.map { $0 > 0 && $0.isFinite } ?? true }) else {
            throw ValidationError("weights must be above 0")
        }
        if weighted > 0, rule == .mostConfident { throw ValidationError("--rule most_confident takes no weights") }
        return parsed.map { ($0.path, $0.weight ?? 1) }
    }

    func run() throws {
        Interruption.listen()
        let progress = ProgressLine()
        let clock = ContinuousClock()
        let start = clock.now
        let sources = try sources()
        _ = try OutputPlace(
            file: output, option: "output",
            reading: sources.flatMap { try SoftTargets.files(of: URL(fileURLWithPath: $0.path)).map(\.path) },
            mayReplace: force)
        let targets = try sources.map { try SoftTargets(reading: URL(fileURLWithPath: $0.path)) }
        let mixture = try TargetMixture(targets, weights: sources.map(\.weight), rule: rule)
        let url = URL(fileURLWithPath: output)
        let summary = try mixture.write(
            to: url, digests: mixture.digests,
            notes: [
                "command": .string(CommandLine.arguments.joined(separator: " ").prefixed(bytes: 4000)),
                "program": .string("retort \(Version.current)"),
                "mixture": .string(rule.rawValue),
            ]
        ) { done, total in
            try Interruption.check()
            progress.advanced("mix", done: done, total: total, unit: "rows")
        }
        let report = Report(
            output: output, rule: rule.rawValue, rows: summary.rows, tokens: summary.positions,
            sources: zip(sources, zip(mixture.weights, summary.rowsOfSource)).map {
                .init(recording: $0.path, weight: rule == .mean ? $1.0 : nil, rows: $1.1)
            },
            bytes: FileSize.bytes(at: url.path) ?? 0,
            seconds: start.duration(to: clock.now).seconds)
        if json { return try JSONLineWriter(isPretty: true).write(report) }
        printData("\(report.rows) rows, \(report.tokens) tokens in \(output), \(report.bytes) bytes; \(rule.rawValue):")
        for source in report.sources {
            printData(
                "  \(source.recording): "
                    + (source.weight.map { String(format: "weight %.4f", $0) } ?? "\(source.rows) rows"))
        }
    }

    private struct Report: Encodable {
        struct Source: Encodable {
            var recording: String
            var weight: Double?
            /// For which it spoke.
            var rows: Int
        }

        var schema = 1
        var output: String
        var rule: String
        var rows: Int
        var tokens: Int
        var sources: [Source]
        var bytes: Int
        var seconds: Double
    }
}

extension TargetMixture.Rule: ExpressibleByArgument {}
