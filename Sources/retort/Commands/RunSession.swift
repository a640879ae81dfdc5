import Distillation
import Evaluation
import Files
import Foundation
import Recipes

/// Carries a run through in this process, with progress, Ctrl-C and the closing words.
struct RunSession {
    private let run: RunDirectory

    init(_ run: RunDirectory) {
        self.run = run
    }

    /// Opens a run to go on with it, or to tell what that would do: from its directory, where its recipe's relative paths
    /// begin, if that is still there.
    static func open(_ path: String) throws -> RunDirectory {
        let run = try RunDirectory.open(path)
        if let place = try RunEnvironment(reading: run)?.directory, !place.isEmpty {
            _ = FileManager.default.changeCurrentDirectoryPath(place)
        }
        return run
    }

    /// Runs the stages up to `last`, and tells the result.
    ///
    /// - Returns: the report, where the run reached it.
    /// - Throws: `GatesFailed` after the report is written, if `checkingGates`.
    @discardableResult
    func execute(through last: Pipeline.Stage = .evaluate, checkingGates: Bool = true) throws -> (any RunReport)? {
        Interruption.listen()
        Message.line("run: \(shown)")
        let clock = ContinuousClock()
        let start = clock.now
        do {
            let pipeline = try Pipeline(run: run, observer: ProgressLine())
            guard let report = try pipeline.execute(through: last) else {
                Message.line("next: retort resume \(shown)")
                return nil
            }
            for line in report.lines(showing: try run.recipe().evaluate.metrics) { printData(line) }
            printData("report: \(run.file("report/report.html").relativePath)")
            printData("model:  \(run.file("export").relativePath)")
            Message.line(
                "done in \(ProgressLine.time(start.duration(to: clock.now).seconds)), peak memory \(peakMemory) MB")
            Message.line("next: echo 'a text' | retort predict \(shown)")
            let failed = report.gates.filter { !$0.passed }
            if checkingGates, !failed.isEmpty { throw GatesFailed(gates: failed) }
            return report
        } catch let interrupted as Interrupted {
            Message.line("\ninterrupted: finished stages and a checkpoint are saved\nnext: retort resume \(shown)")
            throw interrupted
        } catch let error where error is InputError || error is InputErrors {
            Message.line("stopped: finished stages and checkpoints are kept")
            Message.line("next: mend it, then retort resume \(shown)")
            throw error
        }
    }

    private var shown: String { run.url.relativePath }

    /// The largest resident size of this process so far, in MB.
    private var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1024
    }
}

/// The run is complete, and its result is not good enough.
struct GatesFailed: Error, CustomStringConvertible {
    let gates: [GateOutcome]

    var description: String {
        gates.map { gate in
            // A gate may name what stands in the data: no part of a format.
            "gate failed: \(gate.gate)" + String(format: ": %.4f against %.4f", gate.value, gate.threshold)
        }.joined(separator: "\n")
    }
}
