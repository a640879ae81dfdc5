import Files
import Layers
public import Models
import Tensors

/// Finds the range of each quantized layer's input by running examples through the float model.
public struct ActivationCalibration: Equatable, Sendable {
    public enum Method: Equatable, Sendable {
        /// From the smallest to the largest value seen.
        case minMax
        /// Batch extremes averaged as `decay · past + (1 − decay) · batch`, starting at those of the first batch.
        case movingAverage(decay: Float = 0.9999)
        /// The range that holds this percentage of the values, cutting equally many at each end; in 50…100.
        case percentile(Double)
        /// The range whose grid keeps most of the values' distribution (`HistogramObserver.best`).
        case entropy
        /// The range whose grid moves the values least, by the mean of the squares.
        case squaredError
    }

    public let method: Method

    public init(method: Method) {
        switch method {
        case .minMax, .entropy, .squaredError: break
        case .movingAverage(let decay): precondition((0...1).contains(decay), "ActivationCalibration: decay \(decay)")
        case .percentile(let p): precondition((50...100).contains(p), "ActivationCalibration: percentile \(p)")
        }
        self.method = method
    }

    /// The ranges of `encoder` on these sequences, in evaluation mode.
    ///
    /// Methods with a histogram read the sequences twice: the extremes first, then the histogram between them. Whatever
    /// simulates quantization on the encoder is taken off.
    ///
    /// - Parameters:
    ///   - factors: what multiplies the columns of layers' inputs before they are rounded, by the layer's name.
    ///   - batch: sequences per pass.
    /// - Throws: `InputError` if there are no sequences or one does not fit the model; `InputErrors` naming every layer
    ///   whose input has a NaN, an infinity, or no range.
    public func ranges(
        of encoder: Encoder, on sequences: [[Int32]], factors: [String: [Float]] = [:], batch: Int = 32
    ) throws -> ActivationRanges {
        try encoder.configuration.requireWholeBlocks()
        let groups = encoder.quantizedGroups
        func observe<Observer: ActivationObserver>(with observers: [Observer]) throws -> [Observer] {
            for (group, observer) in zip(groups, observers) { observer.factors = factors[group[0].name] }
            return try Self.observe(encoder, on: sequences, batch: batch, observers)
        }
        var decay: Float?
        if case .movingAverage(let chosen) = method { decay = chosen }
        var found = try observe(with: groups.map { _ in ExtremesObserver(decay: decay) }).compactMap(\.range)
        try Self.requireRanges(found, of: groups)
        let choose: (HistogramObserver) -> ClosedRange<Float>
        switch method {
        case .minMax, .movingAverage: return Self.named(found, groups)
        case .percentile(let percent): choose = { $0.holding(percent / 100) }
        case .entropy: choose = { $0.best(by: .divergence) }
        case .squaredError: choose = { $0.best(by: .squaredError) }
        }
        found = try observe(with: found.map { HistogramObserver(range: $0) }).map(choose)
        try Self.requireRanges(found, of: groups)
        return Self.named(found, groups)
    }

    /// Runs the sequences through the float model, each observer at the input of its group of layers.
    ///
    /// - Throws: as `ranges`.
    static func observe<Observer: ActivationObserver>(
        _ encoder: Encoder, on sequences: [[Int32]], batch: Int, _ observers: [Observer]
    ) throws -> [Observer] {
        try check(sequences, for: encoder.configuration)
        QuantizationSimulation.detach(from: encoder)
        defer { QuantizationSimulation.detach(from: encoder) }
        let groups = encoder.quantizedGroups
        for (group, observer) in zip(groups, observers) { group[0].quantization = observer }
        for start in stride(from: 0, to: sequences.count, by: batch) {
            let range = start..<min(start + batch, sequences.count)
            // All positions pass all layers, also those that the head does not read.
            _ = encoder.forward(
                PackedBatch(Array(sequences[range]), samples: Array(range)), on: Tape(recording: false))
        }
        let broken = zip(groups, observers).filter { $0.1.sawNonFinite }
        guard broken.isEmpty else {
            throw InputErrors(
                broken.map { group, _ in
                    InputError(
                        field: group[0].name,
                        problem: "a calibration value at the layer's input is NaN or infinite",
                        remedy: "the model's weights have diverged or the file is damaged: train it again")
                })
        }
        return observers
    }

    private static func named(_ found: [ClosedRange<Float>], _ groups: [[Linear]]) -> ActivationRanges {
        var ranges: [String: ClosedRange<Float>] = [:]
        for (range, group) in zip(found, groups) {
            for layer in group { ranges[layer.name] = range }
        }
        return ActivationRanges(ranges)
    }

    /// Every layer whose range makes no scale, at once.
    private static func requireRanges(_ found: [ClosedRange<Float>], of groups: [[Linear]]) throws {
        let ranges = named(found, groups)
        var errors: [InputError] = []
        for group in groups {
            do {
                _ = try ranges.quantization(of: group[0].name)
            } catch let error as InputError {
                errors.append(error)
            }
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    private static func check(_ sequences: [[Int32]], for configuration: EncoderConfiguration) throws {
        guard !sequences.isEmpty else {
            throw InputError(
                problem: "there are no examples to calibrate on", remedy: "give some hundreds of training examples")
        }
        let limit = configuration.maximumPositions
        for (index, tokens) in sequences.enumerated() {
            guard (1...limit).contains(tokens.count) else {
                throw InputError(
                    problem: "calibration example \(index + 1) has \(tokens.count) tokens, expected 1 to \(limit)",
                    remedy: "cut texts to the model's max_position_embeddings")
            }
            if let token = tokens.first(where: { !(0..<configuration.vocabularySize).contains(Int($0)) }) {
                throw InputError(
                    problem: "calibration example \(index + 1) has token \(token), the vocabulary ends at "
                        + "\(configuration.vocabularySize - 1)",
                    remedy: "use the tokenizer that belongs to the model")
            }
        }
    }
}
