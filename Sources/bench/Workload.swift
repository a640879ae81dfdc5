import ArgumentParser
import Distillation
import Files
import Layers
import Tensors

/// The named workloads; a peer's script has the same names and the same sizes.
enum Workload: String, CaseIterable, ExpressibleByArgument {
    case stepCached = "step-cached"
    case stepDisk = "step-disk"
    case stepOnline = "step-online"
    case stepLM = "step-lm"
    case encode1 = "encode-1"
    case encode32 = "encode-32"

    /// Sequences in one repetition (B).
    var batch: Int {
        switch self {
        case .stepCached, .stepDisk, .stepOnline: 16
        case .stepLM: 4
        case .encode1: 1
        case .encode32: 32
        }
    }

    /// Tokens of each sequence (T).
    var length: Int { self == .stepLM ? 256 : 128 }

    /// Whether a repetition is an optimizer step.
    var isTraining: Bool { self != .encode1 && self != .encode32 }

    /// A repetition of a few milliseconds needs more company for a steady median.
    var fewestRepetitions: Int { self == .encode1 ? 30 : TimedRun.fewestRepetitions }

    /// Makes the models and their inputs in memory, and gives one repetition as a function.
    func prepare(precision: Precision, dropout: Float, checkpointing: Bool) throws -> () throws -> Void {
        switch self {
        case .stepCached, .stepDisk, .stepOnline:
            let teacher: EncoderWorkload.Teacher =
                switch self {
                case .stepDisk: .onDisk
                case .stepOnline: .running
                default: .inMemory
                }
            return try EncoderWorkload(batch: batch, length: length, precision: precision)
                .distillationStep(teacher, dropout: dropout, checkpointing: checkpointing)
        case .stepLM:
            return LanguageModelWorkload(batch: batch, length: length, precision: precision)
                .distillationStep(dropout: dropout, checkpointing: checkpointing)
        case .encode1, .encode32:
            return EncoderWorkload(batch: batch, length: length, precision: precision).encoding()
        }
    }

    /// The same for an encoder in 8-bit integers.
    func prepareIntegers(weightBits: Int) throws -> () throws -> Void {
        try EncoderWorkload(batch: batch, length: length, precision: .float32).integerEncoding(weightBits: weightBits)
    }
}

/// Steps of a trainer over two batches, with AdamW at a constant rate and without clipping.
func trainingStep(
    of module: some Module, _ objective: any Objective, batch: Int, precision: Precision, checkpointing: Bool
) -> () throws -> Void {
    let trainer = Trainer(
        parameters: module.parameters, objective: objective,
        options: TrainingOptions(
            totalSteps: .max, batch: batch, microBatch: batch, learningRate: 1e-4, decay: .constant, warmUp: 0, clip: 0,
            weightDecay: 0.01, seed: 0, precision: precision, checkpointing: checkpointing))
    return {
        let report = try trainer.takeStep()
        // A step that is left out skips the optimizer: its time would mean nothing.
        guard report.applied else {
            throw InputError(
                problem: "step \(report.step) of the workload has a loss or gradient that is not finite",
                remedy: "run `retort doctor`: it compares the kernels with their references on this processor")
        }
    }
}
