import Files
import Formats
import Tensors

/// The weights of a quantized model file. What is wrong is gathered, so that one reading names all of it.
struct StoredQuantizedWeights: QuantizedWeightSource {
    private let file: String
    private let description: QuantizationConfiguration
    private var tensors: [String: StoredTensor]
    private var errors: [InputError] = []

    init(_ safetensors: Safetensors, _ description: QuantizationConfiguration, file: String) {
        self.file = file
        self.description = description
        tensors = Dictionary(uniqueKeysWithValues: safetensors.tensors.map { ($0.name, $0.tensor) })
    }

    /// Ends the reading.
    ///
    /// - Parameter groups: layers that read the same input and must quantize it alike.
    /// - Throws: `InputErrors` with everything that was wrong, surplus tensors included.
    func finish(sharingInputs groups: [[QuantizedLinear]]) throws {
        var errors = errors
        for name in tensors.keys.sorted() {
            errors.append(InputError(file: file, field: name, problem: "surplus: the configuration has no such tensor"))
        }
        for group in groups {
            for linear in group
            where linear.input != group[0].input || linear.inputFactors != group[0].inputFactors {
                func words(_ linear: QuantizedLinear) -> String {
                    let grid = linear.input.map { "scale \($0.scale) and zero point \($0.zeroPoint)" } ?? "no grid"
                    return grid + (linear.inputFactors == nil ? "" : " and factors")
                }
                errors.append(
                    InputError(
                        file: file, field: linear.name,
                        problem:
                            "its input has \(words(linear)), expected what \(group[0].name) has: \(words(group[0]))"))
            }
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    mutating func table(_ name: String, rows: Int, width: Int) -> QuantizedTable {
        QuantizedTable(
            name: name,
            rows: description.keeps(name)
                ? .float(floats(name + ".weight", [rows, width]), width: width)
                : .int8(matrix(name, rows: rows, width: width)))
    }

    mutating func linear(_ name: String, output: Int, input: Int) -> QuantizedLinear {
        let bias = floats(name + ".bias", [output])
        guard !description.keeps(name) else {
            return QuantizedLinear(name: name, form: .float(floats(name + ".weight", [output, input])), bias: bias)
        }
        let weight = matrix(name, rows: output, width: input)
        let factors = tensors[name + ".input_factors"].map { _ in scales(name + ".input_factors", [input]) }
        guard !description.isPerToken else {
            return QuantizedLinear(name: name, form: .perToken(weight), bias: bias, inputFactors: factors)
        }
        let grid = UInt8Quantization(
            scale: scales(name + ".input_scale", [1]).first ?? 1,
            zeroPoint: elements(name + ".input_zero_point", .uint8, [1]) { try $0.uint8() }?.first ?? 0)
        return QuantizedLinear(name: name, form: .fixed(weight, grid), bias: bias, inputFactors: factors)
    }

    mutating func norm(_ name: String, width: Int) -> FloatNorm {
        FloatNorm(name: name, gamma: floats(name + ".weight", [width]), beta: floats(name + ".bias", [width]))
    }

    mutating func floatLinear(_ name: String, output: Int, input: Int) -> FloatLinear {
        FloatLinear(
            name: name, weight: floats(name + ".weight", [output, input]), bias: floats(name + ".bias", [output]))
    }

    /// An empty matrix stands for one that is wrong, until `finish` throws.
    private mutating func matrix(_ name: String, rows: Int, width: Int) -> Int8Matrix {
        let levels = elements(name + ".weight", .int8, [rows, width]) { try $0.int8() }
        let scales = scales(name + ".weight_scale", [rows])
        guard let levels, scales.count == rows else { return Int8Matrix(rows: 0, width: 0, levels: [], scales: []) }
        return Int8Matrix(rows: rows, width: width, levels: levels, scales: scales)
    }

    private mutating func scales(_ name: String, _ shape: [Int]) -> [Float] {
        let values = floats(name, shape)
        if let index = values.firstIndex(where: { $0 <= 0 }) {
            refuse(name, "scale \(index) is \(values[index]), expected a positive number")
            return []
        }
        return values
    }

    private mutating func floats(_ name: String, _ shape: [Int]) -> [Float] {
        let values = elements(name, .float32, shape) { try $0.float32() } ?? []
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            refuse(name, "element \(index) is \(values[index]), expected a finite number")
            return []
        }
        return values
    }

    private mutating func elements<Element>(
        _ name: String, _ type: ElementType, _ shape: [Int], _ read: (StoredTensor) throws -> [Element]
    ) -> [Element]? {
        guard let tensor = tensors.removeValue(forKey: name) else {
            refuse(name, "missing, expected \(type.rawValue) \(shape)")
            return nil
        }
        guard tensor.type == type, tensor.shape == shape else {
            refuse(name, "found \(tensor.type.rawValue) \(tensor.shape), expected \(type.rawValue) \(shape)")
            return nil
        }
        do {
            return try read(tensor)
        } catch {
            refuse(name, "\(error)")
            return nil
        }
    }

    private mutating func refuse(_ name: String, _ problem: String) {
        errors.append(InputError(file: file, field: name, problem: problem))
    }
}
