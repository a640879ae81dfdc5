import Files
import Formats
import Foundation
import Tensors

/// A checkpoint as an HDF5 file: counters as attributes, the recipe's text and the names as bytes, a group of tensors for
/// the weights, for each moment, and for the average and the best weights where there are any.
extension Checkpoint {
    private static let format = "retort checkpoint 2"

    /// Writes the checkpoint whole or not at all.
    func write(to url: URL) throws {
        // HDF5 does not survive a full disk, so it is not let into one. The margin is for its own structures.
        let values = state.groups.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.count } }
        let tensors = state.groups.count * names.count
        try AtomicFile.requireRoom(for: 4 * values + recipe.utf8.count + 4096 * (tensors + 64), at: url)
        try HDF5File.create(at: url) { file in
            try file.setAttribute("format", to: .string(Self.format))
            try file.setAttribute("stage", to: .string(stage))
            try file.setAttribute("inputs", to: .string(inputs))
            try file.setAttribute("sha256", to: .string(digest))
            for (name, value) in counters { try file.setAttribute(name, to: .integer(Int64(value))) }
            if let best = state.best {
                try file.setAttribute("best_step", to: .integer(Int64(best.step)))
                try file.setAttribute("best_value", to: .number(best.value))
            }
            for (path, text) in [("parameters", names.joined(separator: "\n")), ("recipe", recipe)] {
                try file.write(Array(text.utf8), shape: [text.utf8.count], to: path)
            }
            for group in state.groups {
                for (name, tensor) in zip(names, group.tensors) {
                    try file.write(tensor.values, shape: tensor.shape, to: "\(group.name)/\(name)")
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
        func count(_ name: String) throws -> Int {
            let value = try file.integer(name)
            guard value >= 0 else {
                throw InputError(file: url.path, field: name, problem: "a negative count: \(value)")
            }
            return value
        }
        func text(_ path: String) throws -> String {
            String(decoding: try file.dataset(path, shape: [nil]).read(UInt8.self), as: UTF8.self)
        }
        let names = try text("parameters").split(separator: "\n").map(String.init)
        func read(_ group: String, like shapes: [[Int]]? = nil) throws -> [Tensor] {
            try names.enumerated().map { index, name in
                let dataset = try file.dataset("\(group)/\(name)", shape: shapes?[index])
                let tensor = Tensor(try dataset.read(Float.self), shape: dataset.shape)
                guard tensor.isFinite else {
                    throw InputError(file: url.path, field: dataset.path, problem: "holds NaN or infinite values")
                }
                return tensor
            }
        }
        let weights = try read("weights")
        let shapes = weights.map(\.shape)
        var state = TrainerState(
            step: try count("step"), optimizerStep: try count("optimizer_step"), weights: weights,
            firstMoments: try read("m", like: shapes), secondMoments: try read("v", like: shapes),
            misses: try count("misses"))
        let groups = Set(try file.links().map(\.name))
        if groups.contains("average") { state.averages = try read("average", like: shapes) }
        if groups.contains("best") {
            state.best = TrainerState.Best(
                step: try count("best_step"), value: try file.number("best_value"),
                weights: try read("best", like: shapes))
        }
        self.init(
            stage: try file.string("stage"), inputs: try file.string("inputs"), recipe: try text("recipe"),
            metricsBytes: try count("metrics_bytes"), names: names, state: state)
        guard try file.string("sha256") == digest else {
            throw InputError(file: url.path, field: "sha256", problem: "the content is not what was written")
        }
    }

    private var counters: [(name: String, value: Int)] {
        [
            ("step", state.step), ("optimizer_step", state.optimizerStep), ("misses", state.misses),
            ("metrics_bytes", metricsBytes),
        ]
    }

    /// Digest of all that the file says.
    private var digest: String {
        var parts = [stage, inputs, recipe] + names + counters.map { "\($0.name) \($0.value)" }
        if let best = state.best { parts.append("best \(best.step) \(best.value.bitPattern)") }
        for group in state.groups {
            parts.append(group.name)
            parts += group.tensors.map { tensor in
                tensor.withUnsafeBufferPointer { Digest.sha256(Data(buffer: $0)) }
            }
        }
        return Digest.sha256(parts.map { "\($0.utf8.count) \($0)" }.joined(separator: "\n"))
    }
}
