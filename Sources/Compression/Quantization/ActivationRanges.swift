import Files
public import Tensors

/// The range of values at the input of each quantized linear layer, by the layer's name.
///
/// Query, key and value of one layer read the same input and have the same range. A range is what calibration finds and
/// what quantization-aware training holds fixed; scale and zero point follow from it.
public struct ActivationRanges: Codable, Equatable, Sendable {
    public let ranges: [String: ClosedRange<Float>]

    public init(_ ranges: [String: ClosedRange<Float>]) {
        self.ranges = ranges
    }

    /// How the input of the layer `name` is quantized: s = (max − min) / 255 and z = round(−min / s), with 0 drawn into
    /// the range so that it is represented exactly (Jacob et al. 2018, arXiv 1712.05877).
    ///
    /// - Throws: `InputError` naming the layer if its range is missing, empty or not finite.
    public func quantization(of name: String) throws -> UInt8Quantization {
        guard let range = ranges[name] else {
            throw InputError(
                field: name, problem: "the layer has no calibrated range", remedy: "calibrate this very model")
        }
        let (low, high) = (min(range.lowerBound, 0), max(range.upperBound, 0))
        // Divided before subtracting, so that two large bounds cannot overflow.
        let scale = high / 255 - low / 255
        guard scale.isFinite else {
            throw InputError(
                field: name, problem: "the range of the layer's input, \(low) to \(high), is not finite",
                remedy: "look for diverged weights")
        }
        guard scale >= .leastNormalMagnitude else {
            throw InputError(
                field: name, problem: "the range of the layer's input is zero: every calibration value is \(high)",
                remedy: "calibrate on examples that reach this layer, or with method: minmax")
        }
        return UInt8Quantization(
            scale: scale, zeroPoint: UInt8(min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)))
    }
}
