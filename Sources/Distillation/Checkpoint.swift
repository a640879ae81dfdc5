import Files
import Formats
import Foundation
import Layers
import Tensors

/// All that a training stage needs to go on: weights, optimizer moments and counters.
///
/// Everything else (the order of the data, dropout, the learning rate) follows from the seed and the step.
public struct Checkpoint {
    /// The training stage, such as `student`.
    public let stage: String
    /// Digest of what the stage depends on.
    public let inputs: String
    public let step: Int
    public let optimizerStep: Int
    /// Size of the metrics log when the checkpoint was written.
    public let metricsBytes: Int
    private let tensors: [(name: String, value: Tensor, first: Tensor, second: Tensor)]

    /// The state of a trainer now.
    public init(_ trainer: Trainer, stage: String, inputs: String, metricsBytes: Int) {
        self.stage = stage
        self.inputs = inputs
        self.metricsBytes = metricsBytes
        step = trainer.step
        let optimizer = trainer.optimizer
        optimizerStep = optimizer.step
        tensors = optimizer.parameters.enumerated().map { index, parameter in
            (parameter.name, parameter.value, optimizer.firstMoments[index], optimizer.secondMoments[index])
        }
    }

    /// Puts the state into a trainer over the same parameters.
    ///
    /// - Throws: `InputError` if the parameters are others.
    public func restore(_ trainer: Trainer) throws {
        let parameters = trainer.optimizer.parameters
        guard parameters.map(\.name) == tensors.map(\.name),
            zip(parameters, tensors).allSatisfy({ $0.value.shape == $1.value.shape })
        else {
            throw InputError(
                file: "checkpoint of \(stage)", problem: "it holds other parameters than the model to train",
                remedy: "remove the run's checkpoints folder to train this stage again")
        }
        for (parameter, tensor) in zip(parameters, tensors) { parameter.value = tensor.value }
        trainer.restore(
            step: step, firstMoments: tensors.map(\.first), secondMoments: tensors.map(\.second),
            optimizerStep: optimizerStep)
    }

    /// Writes the checkpoint whole or not at all.
    func write(to url: URL) throws {
        // HDF5 does not survive a full disk, so it is not let into one. The margin is for its own structures.
        let values = tensors.reduce(0) { $0 + $1.value.count }
        try AtomicFile.requireRoom(for: 12 * values + 4096 * (tensors.count + 64), at: url)
        try HDF5File.create(at: url) { file in
            try file.setAttribute("format", to: .string(Self.format))
            try file.setAttribute("stage", to: .string(stage))
            try file.setAttribute("inputs", to: .string(inputs))
            try file.setAttribute("step", to: .integer(Int64(step)))
            try file.setAttribute("sha256", to: .string(digest))
            try file.setAttribute("optimizer_step", to: .integer(Int64(optimizerStep)))
            try file.setAttribute("metrics_bytes", to: .integer(Int64(metricsBytes)))
            let names = Array(tensors.map(\.name).joined(separator: "\n").utf8)
            try file.write(names, shape: [names.count], to: "parameters")
            for tensor in tensors {
                for (group, value) in [("weights", tensor.value), ("m", tensor.first), ("v", tensor.second)] {
                    try file.write(value.values, shape: value.shape, to: "\(group)/\(tensor.name)")
                }
            }
        }
    }

    /// Reads a checkpoint.
    ///
    /// - Throws: `InputError` if the file is damaged or no checkpoint.
    init(reading url: URL) throws {
        let file = try HDF5File(reading: url)
        let format = try file.string("format")
        guard format == Self.format else {
            throw InputError(
                file: url.path, field: "format", problem: "found \"\(format)\", expected \"\(Self.format)\"")
        }
        stage = try file.string("stage")
        inputs = try file.string("inputs")
        step = try file.integer("step")
        optimizerStep = try file.integer("optimizer_step")
        metricsBytes = try file.integer("metrics_bytes")
        guard step >= 0, optimizerStep >= 0, metricsBytes >= 0 else {
            throw InputError(
                file: url.path, field: "step", problem: "a negative count: \(step), \(optimizerStep), \(metricsBytes)")
        }
        let names = try file.dataset("parameters", shape: [nil]).read(UInt8.self)
        tensors = try String(decoding: names, as: UTF8.self).split(separator: "\n").map { name in
            func read(_ group: String, shape: [Int]? = nil) throws -> Tensor {
                let dataset = try file.dataset("\(group)/\(name)", shape: shape)
                let tensor = Tensor(try dataset.read(Float.self), shape: dataset.shape)
                guard tensor.isFinite else {
                    throw InputError(file: url.path, field: dataset.path, problem: "holds NaN or infinite values")
                }
                return tensor
            }
            let weight = try read("weights")
            return (String(name), weight, try read("m", shape: weight.shape), try read("v", shape: weight.shape))
        }
        guard try file.string("sha256") == digest else {
            throw InputError(file: url.path, field: "sha256", problem: "the weights are not those that were written")
        }
    }

    /// Digest of all weights and moments.
    private var digest: String {
        let digests = tensors.flatMap { tensor in
            [tensor.value, tensor.first, tensor.second].map { value in
                value.withUnsafeBufferPointer { Digest.sha256(Data(buffer: $0)) }
            }
        }
        return Digest.sha256(digests.joined())
    }

    private static let format = "retort checkpoint 1"
}
