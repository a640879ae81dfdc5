import Files
import Layers
import Models
import Tensors

/// The weights of a float encoder, rounded to int8 one by one.
struct RoundedWeights: QuantizedWeightSource {
    private let parameters: [String: Parameter]
    private let ranges: ActivationRanges

    init(of encoder: Encoder, ranges: ActivationRanges) {
        parameters = Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0) })
        self.ranges = ranges
    }

    func table(_ name: String, rows: Int, width: Int) throws -> QuantizedTable {
        QuantizedTable(name: name, rows: Int8Matrix(quantizing: try tensor(name + ".weight", [rows, width])))
    }

    func linear(_ name: String, output: Int, input: Int) throws -> QuantizedLinear {
        QuantizedLinear(
            name: name, weight: Int8Matrix(quantizing: try tensor(name + ".weight", [output, input])),
            bias: try tensor(name + ".bias", [output]).values, input: try ranges.quantization(of: name))
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
