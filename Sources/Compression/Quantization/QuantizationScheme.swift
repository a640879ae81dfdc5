import Layers
public import Models
public import Tensors

/// How the parts of an encoder become integers: what simulation, conversion and the sensitivity analysis agree on.
public struct QuantizationScheme: Equatable, Sendable {
    /// How the quantized layers read their inputs.
    public enum Inputs: Equatable, Sendable {
        /// Each layer on a grid that calibration or training found, by the layer's name.
        case fixed([String: UInt8Quantization])
        /// Each token on a symmetric grid of its own.
        case perToken
    }

    public var inputs: Inputs
    /// 8, or 7 for processors that add two products in int16.
    public var weightBits = 8
    /// Names of the layers and tables that stay float.
    public var float: Set<String> = []
    /// Scales of weights' rows where they were learned, by the layer's name; elsewhere they follow from the weights.
    public var weightScales: [String: [Float]] = [:]
    /// What multiplies the columns of a layer's input before it is rounded, by the layer's name; the columns of its weight
    /// are divided by it (`Smoothing`).
    public var inputFactors: [String: [Float]] = [:]

    /// Every token on its own grid.
    public static let perToken = QuantizationScheme(inputs: .perToken)

    init(inputs: Inputs) {
        self.inputs = inputs
    }

    /// Fixed grids from calibrated ranges, for every layer of the encoder.
    ///
    /// - Throws: `InputError` naming a layer whose range is missing, empty or not finite.
    public init(_ ranges: ActivationRanges, of encoder: Encoder) throws {
        var grids: [String: UInt8Quantization] = [:]
        for layer in encoder.quantizedGroups.flatMap({ $0 }) {
            grids[layer.name] = try ranges.quantization(of: layer.name)
        }
        self.init(inputs: .fixed(grids))
    }

    /// The same with these groups in float as well.
    public func keeping(_ groups: [QuantizationGroup]) -> QuantizationScheme {
        var scheme = self
        scheme.float.formUnion(groups.flatMap(\.members))
        return scheme
    }

    /// Names of the groups that stay float.
    public func keptGroups(of configuration: EncoderConfiguration) -> [String] {
        QuantizationGroup.all(of: configuration).filter { float.isSuperset(of: $0.members) }.map(\.name)
    }

    /// The factors of a layer's input, if it has any.
    func factors(of name: String) -> [Float]? { inputFactors[name] }
}
