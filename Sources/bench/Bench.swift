import ArgumentParser
import Foundation
import Tensors

/// The command line: times one workload, and prints what it found on standard output.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Times one workload: median, memory, tokens per second, and where the time goes.",
        discussion: """
            WORKLOADS
              step-cached  distil a 6 × 384 encoder, the teacher's targets in memory
              step-disk    the same with targets that are read from a soft-target file in each step
              step-online  the same with the forward pass of a 12 × 768 teacher
              step-lm      distil a 6 × 384 decoder with a vocabulary of 49152
              encode-1     the encoder classifies one text of 128 tokens
              encode-32    the encoder classifies 32 of them

            A step is forward, backward and AdamW. Weights and data are random, and the \
            same in every run. RETORT_THREADS and RETORT_INSTRUCTIONS are those of retort --help.

            EXAMPLE
              bench step-cached --precision auto --json
            """)

    @Argument(help: "What to time.")
    var workload: Workload

    @Option(help: "Precision of the matrix products; auto: the fastest float one here. int8: encode-1 and -32 alone.")
    var precision = PrecisionChoice.auto

    @Option(help: "Rate of dropout in training steps, from 0 to below 1; encode has none.")
    var dropout: Float = 0.1

    @Option(help: "Timed repetitions, at least \(TimedRun.fewestRepetitions); encode-1 has at least 30.")
    var repetitions = 9

    @Option(help: "Untimed repetitions after the first.")
    var warmUp = 3

    @Flag(help: "In a step, compute each layer again in backward instead of keeping its activations.")
    var checkpointing = false

    @Flag(help: "With int8: weights of 7 bits, which are faster on processors with AVX2 and without VNNI.")
    var reduceRange = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let text = Threads.misspelt ?? Processor.misspelt {
            throw ValidationError("RETORT_THREADS or RETORT_INSTRUCTIONS: \(text) is no value that it takes.")
        }
        guard repetitions >= TimedRun.fewestRepetitions else {
            throw ValidationError(
                "\(repetitions) repetitions are too few for a median with its spread: "
                    + "--repetitions is at least \(TimedRun.fewestRepetitions).")
        }
        guard warmUp >= 0 else { throw ValidationError("--warm-up \(warmUp) is negative.") }
        guard precision != .int8 || !workload.isTraining else {
            throw ValidationError("--precision int8 is what a finished model runs in; training steps have none.")
        }
        guard precision == .int8 || !reduceRange else {
            throw ValidationError("--reduce-range is of --precision int8 alone.")
        }
        guard (0..<1).contains(dropout) else {
            throw ValidationError("--dropout \(dropout) is not a rate from 0 to below 1.")
        }
    }

    func run() throws {
        let clock = ProcessClock()
        let dropout = workload.isTraining ? dropout : 0
        let run = TimedRun(warmUp: warmUp, repetitions: max(repetitions, workload.fewestRepetitions), clock: clock)
        let prepared =
            if let float = precision.float {
                try workload.prepare(precision: float, dropout: dropout, checkpointing: checkpointing)
            } else {
                try workload.prepareIntegers(weightBits: reduceRange ? 7 : 8)
            }
        let result = Measurement(
            workload, precision: precision.float?.rawValue ?? precision.rawValue, dropout: dropout,
            try run.measure(prepared))
        print(json ? try result.json() : result.description)
    }
}

/// What `--precision` takes.
enum PrecisionChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, float32, bfloat16, int8

    /// Nil for integers.
    var float: Precision? {
        switch self {
        case .auto: .fastest
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .int8: nil
        }
    }
}
