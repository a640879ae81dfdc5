import ArgumentParser
import Distillation
import Files
import Formats
import Foundation
import Recipes
import Tensors

/// The command line. Data goes to standard output, messages to standard error.
@main
struct Retort: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retort",
        abstract: "Turns a teacher into a small model that runs on an ordinary CPU.",
        discussion: """
            Records what a teacher knows, distils a student, prunes it, trains it for INT8, exports it, and reports \
            what was lost.

            EXAMPLE
              retort new quickstart .
              retort check quickstart.yaml
              retort run quickstart.yaml

            ENVIRONMENT
              RETORT_THREADS       threads to use; default: all processors given
              RETORT_INSTRUCTIONS  highest instructions to use: base, avx2, avx-vnni,
                                   avx512 or avx512-vnni (amx-emulated runs AMX's
                                   code without AMX, slowly); default: all there are.
                                   OpenBLAS, which multiplies float32 below avx512,
                                   chooses for itself (OPENBLAS_CORETYPE=Haswell)

            EXIT CODES
              0 done · 1 a gate failed · 2 bad recipe, data or file · 64 usage
              75 the run directory is in use · 130/143 interrupted, after a checkpoint
              (129 by a closed terminal, 138 by SIGUSR1)
            """,
        version: Version.current,
        subcommands: [
            RecipesCommand.self, NewCommand.self, CheckCommand.self, RunCommand.self, ResumeCommand.self,
            RunsCommand.self, LabelCommand.self, TrainCommand.self, AdaptCommand.self, PruneCommand.self,
            QuantizeCommand.self,
            ExportCommand.self, VerifyCommand.self, EvalCommand.self, ReportCommand.self, CompareCommand.self,
            BenchCommand.self, CascadeCommand.self, PredictCommand.self, TokenizerCommand.self, InspectCommand.self,
            DoctorCommand.self,
        ])

    static func main() {
        // A closed pipe and a file that may not grow are errors of the call that met them.
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        do {
            if let text = Threads.misspelt {
                throw InputError(
                    file: "environment", field: "RETORT_THREADS",
                    problem: "found \(text), expected a number from 1 to 256",
                    remedy: "unset it to use all processors")
            }
            if let text = Processor.misspelt {
                throw InputError(
                    file: "environment", field: "RETORT_INSTRUCTIONS",
                    problem: "found \(text), expected base, avx2, avx-vnni, avx512, avx512-vnni or amx-emulated",
                    remedy: "unset it to use all that the processor has")
            }
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Foundation.exit(code(reporting: error))
        }
    }

    /// Says what went wrong, and gives the exit code of DESIGN's table.
    private static func code(reporting error: any Error) -> Int32 {
        switch error {
        case let error as InputError:
            Message.error("\(error)")
            return 2
        case let errors as InputErrors:
            let count = errors.errors.count
            Message.error("\(count == 1 ? "" : "\(count) problems\n")\(errors)")
            return 2
        case let error as GatesFailed:
            Message.error("\(error)")
            return 1
        case let error as ExportMismatch:
            Message.error("\(error)")
            return 1
        case let error as BundleMismatch:
            Message.error("\(error)")
            return 1
        case let error as RunInUse:
            Message.error("\(error)")
            return 75
        case let interrupted as Interrupted:
            return interrupted.exitCode
        default:
            // What the argument parser did not make itself is a failure of a file or of the system.
            if Self.exitCode(for: error) == .failure, !(error is ExitCode) {
                Message.error("\(error.systemReason)")
                return 2
            }
            Self.exit(withError: error)
        }
    }
}
