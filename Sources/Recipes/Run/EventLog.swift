import Distillation
import Files
import Formats
import Foundation
import Layers
import Tensors

/// A run's TensorBoard file, `events.out.tfevents.<seconds>.retort`: one for all of the run, with names that begin with
/// the stage.
final class EventLog {
    private let url: URL
    private var handle: FileHandle

    init(_ run: RunDirectory) throws {
        let now = Date().timeIntervalSince1970
        let known = try FileManager.default.contentsOfDirectory(atPath: run.url.path)
            .filter { $0.hasPrefix(Self.prefix) }.max()
        url = run.file(known ?? "\(Self.prefix)\(Int(now)).retort")
        // A process that was killed may have left half an entry; without a head the file is begun anew.
        let places = known == nil ? [] : TensorBoardEvent.places(in: try Data(contentsOf: url))
        if places.isEmpty { try AtomicFile.write(TensorBoardEvent.header(time: now, writer: "retort"), to: url) }
        handle = try Self.open(url)
        if let end = places.last?.range.upperBound { try truncate(to: end) }
    }

    deinit {
        try? handle.close()  // Everything was written; nothing is lost if closing fails.
    }

    /// Forgets the steps of a stage after the first `step`.
    func forget(_ stage: String, after step: Int) throws {
        try remove { $0.step > step && $0.tags.contains { $0.hasPrefix("\(stage)/") } }
    }

    /// Appends the numbers of a step.
    func append(_ line: MetricsLog.Line) throws {
        let terms = line.terms.sorted { $0.key < $1.key }.map { ($0.key, Optional($0.value)) }
        let numbers: [(String, Double?)] =
            [("loss", line.loss)] + terms + [
                ("learning_rate", line.learningRate), ("gradient_norm", line.gradientNorm),
                ("examples_per_second", line.examplesPerSecond),
                ("validation_loss", line.validation?.loss), ("validation_accuracy", line.validation?.accuracy),
            ]
        try append(
            TensorBoardEvent(
                time: line.time, step: line.step,
                values: numbers.compactMap { name, value in
                    value.map { ("\(line.stage)/\(name)", .scalar(Float($0))) }
                }))
    }

    /// Appends a histogram of the gradient of each parameter whose gradient is finite.
    func append(gradientsOf parameters: [Parameter], at step: Int, of stage: String) throws {
        let histograms = parameters.compactMap { parameter -> (String, TensorBoardEvent.Value)? in
            var histogram = EventHistogram()
            let arrived = parameter.gradient.withArrivedValues { histogram.add($0) ? $0.count : nil }
            guard let arrived else { return nil }
            histogram.add(zeros: parameter.value.count - arrived)
            return ("\(stage)/gradients/\(parameter.name)", .histogram(histogram))
        }
        try append(TensorBoardEvent(time: Date().timeIntervalSince1970, step: step, values: histograms))
    }

    /// Appends how good a stage's result is, at the last step of the stage, in place of what was said of that before.
    func append(resultOf stage: String, _ metrics: [(name: String, value: Double)]) throws {
        let tags = metrics.map { "\(stage)/\($0.name)" }
        try remove { !Set($0.tags).isDisjoint(with: tags) }
        let steps = TensorBoardEvent.places(in: try Data(contentsOf: url))
            .filter { $0.tags.contains { $0.hasPrefix("\(stage)/") } }.map(\.step)
        try append(
            TensorBoardEvent(
                time: Date().timeIntervalSince1970, step: steps.max() ?? 0,
                values: zip(tags, metrics).map { ($0, .scalar(Float($1.value))) }))
    }

    private func append(_ event: TensorBoardEvent) throws {
        do {
            try handle.write(contentsOf: event.record())
        } catch {
            throw InputError(
                file: url.path, problem: "cannot append: \(error.systemReason)",
                remedy: "free some disk space; then `retort resume`")
        }
    }

    /// Takes entries out of the file: cuts it, if nothing else comes after them, so that a TensorBoard that is reading it
    /// keeps its place.
    private func remove(where isGone: (TensorBoardEvent.Place) -> Bool) throws {
        let file = try Data(contentsOf: url)
        let places = TensorBoardEvent.places(in: file)
        guard let first = places.firstIndex(where: isGone) else { return }
        let kept = places[first...].filter { !isGone($0) }
        if kept.isEmpty { return try truncate(to: places[first].range.lowerBound) }
        let head = file[..<places[first].range.lowerBound]
        try AtomicFile.write(kept.reduce(into: Data(head)) { $0 += file[$1.range] }, to: url)
        try handle.close()
        handle = try Self.open(url)
    }

    private func truncate(to size: Int) throws {
        guard try UInt64(size) < handle.offset() else { return }
        try handle.truncate(atOffset: UInt64(size))
        try handle.seekToEnd()
    }

    private static func open(_ url: URL) throws -> FileHandle {
        do {
            let handle = try FileHandle(forUpdating: url)
            try handle.seekToEnd()
            return handle
        } catch {
            throw InputError(file: url.path, problem: "cannot open to append: \(error.systemReason)")
        }
    }

    private static let prefix = "events.out.tfevents."
}
