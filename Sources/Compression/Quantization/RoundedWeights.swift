import Files
import Layers
import Models
import Tensors

/// The weights of a float encoder, rounded to int8 one by one.
struct RoundedWeights: QuantizedWeightSource {
    private let parameters: [String: Parameter]
    private let scheme: QuantizationScheme

    init(of encoder: Encoder, _ scheme: QuantizationScheme) {
        parameters = Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0) })
        self.scheme = scheme
    }

    func table(_ name: String, rows: Int, width: Int) throws -> QuantizedTable {
        let table = try tensor(name + ".weight", [rows, width])
        return QuantizedTable(
            name: name,
            rows: scheme.float.contains(name)
                ? .float(table.values, width: width) : .int8(Int8Matrix(quantizing: table, bits: scheme.weightBits)))
    }

    func linear(_ name: String, output: Int, input: Int) throws -> QuantizedLinear {
        let (weight, bias) = (
            try tensor(name + ".weight", [output, input]), try tensor(name + ".bias", [output]).values
        )
        guard !scheme.float.contains(name) else {
            return QuantizedLinear(name: name, form: .float(weight.values), bias: bias)
        }
        let smoothed = scheme.factors(of: name).map { weight.scalingColumns(by: $0.map { 1 / $0 }) } ?? weight
        let rounded =
            scheme.weightScales[name].map { Int8Matrix(quantizing: smoothed, scales: $0, bits: scheme.weightBits) }
            ?? Int8Matrix(quantizing: smoothed, bits: scheme.weightBits)
        return QuantizedLinear(
            name: name, form: scheme.grid(of: name).map { .fixed(rounded, $0) } ?? .perToken(rounded), bias: bias,
            inputFactors: scheme.factors(of: name))
    }

    func norm(_ name: String, width: Int) throws -> FloatNorm {
        FloatNorm(
            name: name, gamma: try tensor(name + ".weight", [width]).values,
            beta: try tensor(name + ".bias", [width]).values)
    }

    func floatLinear(_ name: String, output: Int, input: Int) throws -> FloatLinear {
        FloatLinear(
            name: name, weight: try tensor(name + ".weight", [output, input]).values,
            bias: try tensor(name + ".bias", [output]).values)
    }

    private func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
        guard let value = parameters[name]?.value, value.shape == shape else {
            preconditionFailure("RoundedWeights: the encoder has no \(name) of shape \(shape)")
        }
        guard value.isFinite else {
            throw InputError(
                field: name, problem: "holds NaN or infinite values, which no integer stands for",
                remedy: "the training diverged: lower the learning rate")
        }
        return value
    }
}
