import ArgumentParser
import Files
import Foundation
import Recipes
import Tensors

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this machine offers, and test the main kernels against their references.",
        discussion: """
            EXAMPLE
              retort doctor

            Exits 1 if a kernel disagrees with its reference.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Report: Encodable {
        var schema = 1
        var facts: [String: String]
        var checks: [KernelCheck]
        var passed: Bool
    }

    func run() throws {
        let checks = KernelCheck.runAll()
        let passed = checks.allSatisfy(\.passed)
        var facts = RunEnvironment.current().facts
        facts.append(("Kernel levels", Processor.kernelLevels.joined(separator: ", ")))
        facts.append(("Training in", Precision.choice))
        facts.append(("Free disk here", freeDisk))
        if json {
            let report = Report(
                facts: Dictionary(facts.map { ($0.name, $0.value) }, uniquingKeysWith: { a, _ in a }), checks: checks,
                passed: passed)
            try JSONLineWriter(isPretty: true).write(report)
        } else {
            for fact in facts {
                printData(fact.name.padding(toLength: 16, withPad: " ", startingAt: 0) + fact.value)
            }
            for check in checks {
                let verdict = check.passed ? "ok" : "WRONG"
                printData(
                    "\(verdict.padding(toLength: 6, withPad: " ", startingAt: 0))\(check.level) \(check.kernel): "
                        + String(format: "largest error %.1e (allowed %.1e)", check.error, check.tolerance))
            }
            let wrong = checks.count { !$0.passed }
            printData(
                wrong == 0 ? "all \(checks.count) checks passed" : "\(wrong) of \(checks.count) checks failed")
        }
        if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] != nil {
            Message.line(
                "note: OPENBLAS_CORETYPE chooses OpenBLAS's kernels; without it OpenBLAS takes the fastest ones it knows"
            )
        }
        if !passed { throw ExitCode(1) }
    }

    private var freeDisk: String {
        do {
            let values = try FileManager.default.attributesOfFileSystem(
                forPath: FileManager.default.currentDirectoryPath)
            return "\(((values[.systemFreeSize] as? NSNumber)?.intValue ?? 0) / 1_000_000) MB"
        } catch {
            return "unknown: \(error.systemReason)"
        }
    }
}
