import Files
import Foundation
import Synchronization
import Tensors

/// How rotary embeddings turn a pair of a head's components per position: frequency_j = base^(−2j / D), perhaps scaled.
public struct RotaryPositions: Equatable, Sendable {
    /// How frequencies are stretched so that a model reads longer texts than it was first trained on.
    public enum Scaling: Equatable, Sendable {
        /// All frequencies divided by `factor` (Chen et al. 2023, arXiv 2306.15595).
        case linear(factor: Double)
        /// Llama 3.1's: wavelengths longer than original / low are divided by `factor`, those shorter than original / high
        /// stay, and those between are blended.
        case llama3(factor: Double, low: Double, high: Double, original: Int)
        /// YaRN (Peng et al. 2023, arXiv 2309.00071): as above, but blended along the index of the pair between the two that
        /// turn `fast` and `slow` times over the original length; cosines and sines are multiplied by `magnitude`.
        case yarn(factor: Double, fast: Double, slow: Double, original: Int, magnitude: Double)
        /// Frequency j divided by factors[j], as GGUF files carry them.
        case factors([Double])
    }

    public var base: Double
    public var scaling: Scaling?

    public init(base: Double, scaling: Scaling? = nil) {
        self.base = base
        self.scaling = scaling
    }

    /// Radians per position of each pair: [D / 2].
    public func frequencies(headSize: Int) -> [Double] {
        // As published implementations do, powers and quotients are rounded to single precision.
        let plain = (0..<headSize / 2).map {
            Double(1 / Float(pow(base, Double(Float(2 * $0) / Float(headSize)))))
        }
        switch scaling {
        case nil: return plain
        case .linear(let factor): return plain.map { $0 / factor }
        case .factors(let factors): return zip(plain, factors).map { $0 / $1 }
        case .llama3(let factor, let low, let high, let original):
            return plain.map { frequency in
                let wavelength = 2 * Double.pi / frequency
                if wavelength < Double(original) / high { return frequency }
                if wavelength > Double(original) / low { return frequency / factor }
                let smooth = (Double(original) / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        case .yarn(let factor, let fast, let slow, let original, _):
            /// The pair that turns so many times over the original length.
            func pair(turning times: Double) -> Double {
                Double(headSize) * log(Double(original) / (times * 2 * Double.pi)) / (2 * log(base))
            }
            let first = max(floor(pair(turning: fast)), 0)
            var last = min(ceil(pair(turning: slow)), Double(headSize - 1))
            if last == first { last += 0.001 }
            return plain.enumerated().map { index, frequency in
                let ramp = min(max((Double(index) - first) / (last - first), 0), 1)
                return frequency / factor * ramp + frequency * (1 - ramp)
            }
        }
    }

    /// The scaling as a `config.json` can say it: factors of a GGUF file as Llama 3.1's, or as one for all frequencies.
    ///
    /// - Throws: `InputError` for factors that are neither.
    public func publishedScaling(headSize: Int) throws -> Scaling? {
        guard case .factors(let factors)? = scaling, let largest = factors.max() else { return scaling }
        if factors.allSatisfy({ $0 == 1 }) { return nil }
        if factors.allSatisfy({ $0 == largest }) { return .linear(factor: largest) }
        // What Llama 3.1 and 3.2 have, over every length that one may have begun with.
        let plain = RotaryPositions(base: base).frequencies(headSize: headSize)
        for original in (3...20).map({ 1 << $0 }) {
            let candidate = Scaling.llama3(factor: largest, low: 1, high: 4, original: original)
            let scaled = RotaryPositions(base: base, scaling: candidate).frequencies(headSize: headSize)
            let isEqual = zip(zip(plain, scaled), factors).allSatisfy { frequencies, factor in
                abs(frequencies.0 / frequencies.1 - factor) <= 1e-5 * factor
            }
            if isEqual { return candidate }
        }
        throw InputError(
            field: "rope_freqs.weight",
            problem: "these rotary factors are not Llama 3.1's, and have no form in config.json",
            remedy: "keep the model as a GGUF file")
    }

    /// What cosines and sines are multiplied by.
    public var magnitude: Double {
        if case .yarn(_, _, _, _, let magnitude) = scaling { magnitude } else { 1 }
    }
}

/// The tables of one model's angles, made as far as they are asked for.
final class RotaryTables: Sendable {
    private let positions: RotaryPositions
    private let headSize: Int
    private let table = Mutex<RotaryTable?>(nil)

    init(_ positions: RotaryPositions, headSize: Int) {
        self.positions = positions
        self.headSize = headSize
    }

    /// A table of at least `count` positions.
    func table(of count: Int) -> RotaryTable {
        table.withLock { table in
            if let table, table.positions >= count { return table }
            var size = 512
            while size < count { size *= 2 }
            let made = RotaryTable(
                positions: size, frequencies: positions.frequencies(headSize: headSize),
                magnitude: positions.magnitude)
            table = made
            return made
        }
    }
}
