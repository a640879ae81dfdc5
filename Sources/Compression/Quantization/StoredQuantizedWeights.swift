import Files
import Formats
import Models
import Tensors

/// The weights of a quantized model file. What is wrong is gathered, so that one reading names all of it.
struct StoredQuantizedWeights: QuantizedWeightSource {
    /// How the file names and holds what it has.
    enum Layout {
        /// See `QuantizedEncoder.write(to:)`; the configuration names what is float.
        case own(QuantizationConfiguration)
        /// See `QuantizedEncoder.writeCompressedTensors(to:)`; the tensors tell themselves what is float.
        case compressedTensors(EncoderNames)
    }

    private let file: String
    private let layout: Layout
    private var tensors: [String: StoredTensor]
    private var errors: [InputError] = []

    init(_ safetensors: Safetensors, _ layout: Layout, file: String) {
        self.file = file
        self.layout = layout
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
            for linear in group where !linear.readsInput(as: group[0]) {
                errors.append(
                    InputError(
                        file: file, field: linear.name,
                        problem: "its input has \(linear.inputWords), expected what \(group[0].name) has: "
                            + group[0].inputWords))
            }
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    mutating func table(_ name: String, rows: Int, width: Int) -> QuantizedTable {
        QuantizedTable(
            name: name,
            rows: isFloatTable(name)
                ? .float(floats(key(name, "weight"), [rows, width]), width: width)
                : .int8(matrix(name, rows: rows, width: width)))
    }

    mutating func linear(_ name: String, output: Int, input: Int) -> QuantizedLinear {
        let bias = floats(key(name, "bias"), [output])
        guard !isFloatLinear(name) else {
            return QuantizedLinear(
                name: name, form: .float(floats(key(name, "weight"), [output, input])), bias: bias)
        }
        let weight = matrix(name, rows: output, width: input)
        let factors = tensors[key(name, "input_factors")].map { _ in scales(key(name, "input_factors"), [input]) }
        guard hasFixedGrid(name) else {
            return QuantizedLinear(name: name, form: .perToken(weight), bias: bias, inputFactors: factors)
        }
        let grid = UInt8Quantization(
            scale: scales(key(name, "input_scale"), [1]).first ?? 1, zeroPoint: zeroPoint(name))
        return QuantizedLinear(name: name, form: .fixed(weight, grid), bias: bias, inputFactors: factors)
    }

    mutating func norm(_ name: String, width: Int) -> FloatNorm {
        FloatNorm(
            name: name, gamma: floats(key(name, "weight"), [width]), beta: floats(key(name, "bias"), [width]))
    }

    mutating func floatLinear(_ name: String, output: Int, input: Int) -> FloatLinear {
        FloatLinear(
            name: name, weight: floats(key(name, "weight"), [output, input]),
            bias: floats(key(name, "bias"), [output]))
    }

    /// An empty matrix stands for one that is wrong, until `finish` throws.
    private mutating func matrix(_ name: String, rows: Int, width: Int) -> Int8Matrix {
        let levels = elements(key(name, "weight"), .int8, [rows, width]) { try $0.int8() }
        let scales = scales(key(name, "weight_scale"), scaleShape(rows))
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

/// Where the layouts differ.
extension StoredQuantizedWeights {
    private func key(_ name: String, _ suffix: String) -> String {
        switch layout {
        case .own: name + "." + suffix
        case .compressedTensors(let names): names.published(name + ".weight").dropLast("weight".count) + suffix
        }
    }

    private func isFloatTable(_ name: String) -> Bool {
        switch layout {
        case .own(let description): description.keeps(name)
        case .compressedTensors: true
        }
    }

    private func isFloatLinear(_ name: String) -> Bool {
        switch layout {
        case .own(let description): description.keeps(name)
        case .compressedTensors: tensors[key(name, "weight")]?.type != .int8
        }
    }

    private func hasFixedGrid(_ name: String) -> Bool {
        switch layout {
        case .own(let description): !description.isPerToken
        case .compressedTensors: tensors[key(name, "input_scale")] != nil
        }
    }

    private func scaleShape(_ rows: Int) -> [Int] {
        switch layout {
        case .own: [rows]
        case .compressedTensors: [rows, 1]
        }
    }

    private mutating func zeroPoint(_ name: String) -> UInt8 {
        let key = key(name, "input_zero_point")
        switch layout {
        case .own: return elements(key, .uint8, [1]) { try $0.uint8() }?.first ?? 0
        case .compressedTensors:
            // Levels are signed there, 128 lower.
            return UInt8(Int(elements(key, .int8, [1]) { try $0.int8() }?.first ?? 0) + 128)
        }
    }
}

extension QuantizedLinear {
    private var isFloat: Bool { if case .float = form { true } else { false } }

    /// Whether both layers take the same rounded numbers, so that one rounding serves both.
    fileprivate func readsInput(as other: QuantizedLinear) -> Bool {
        isFloat == other.isFloat && input == other.input && inputFactors == other.inputFactors
    }

    fileprivate var inputWords: String {
        if isFloat { return "floats" }
        let grid = input.map { "scale \($0.scale) and zero point \($0.zeroPoint)" } ?? "a grid for each token"
        return grid + (inputFactors == nil ? "" : " and factors")
    }
}
