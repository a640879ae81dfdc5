import Files
import Formats
import Foundation
import Tensors

/// The operators of exported graphs (https://onnx.ai/onnx/operators), set 17.
enum ONNXOperation {
    /// - Throws: `InputError` if the operator is not one of them, or its operands do not fit.
    static func run(_ node: ONNXModel.Node, _ operands: [ONNXArray?]) throws -> [ONNXArray] {
        func operand(_ index: Int) throws -> ONNXArray {
            guard index < operands.count, let value = operands[index] else {
                throw InputError(problem: "\(node.operation) has no input \(index + 1)")
            }
            return value
        }
        func integer(_ name: String, _ standard: Int?) throws -> Int {
            if case .int(let value)? = node.attributes[name] { return Int(value) }
            guard let standard else { throw InputError(problem: "\(node.operation) has no attribute '\(name)'") }
            return standard
        }
        func list(_ name: String) throws -> [Int] {
            guard case .ints(let values)? = node.attributes[name] else {
                throw InputError(problem: "\(node.operation) has no list '\(name)'")
            }
            return values.map { Int($0) }
        }
        func map(_ f: (Float) -> Float) throws -> [ONNXArray] {
            let x = try operand(0)
            return [ONNXArray(try x.floats().map(f), x.shape)]
        }
        func combine(_ f: (Float, Float) -> Float) throws -> [ONNXArray] {
            [try ONNXArray.combining(operand(0), operand(1), f)]
        }
        switch node.operation {
        case "Identity": return [try operand(0)]
        case "Add": return try combine(+)
        case "Sub": return try combine(-)
        case "Mul": return try combine(*)
        case "Div": return try combine(/)
        case "Max": return try combine { max($0, $1) }
        case "Relu": return try map { max($0, 0) }
        case "Tanh": return try map { tanhf($0) }
        case "Erf": return try map { erff($0) }
        case "Cast": return [try cast(operand(0), to: integer("to", nil))]
        case "Shape":
            let shape = try operand(0).shape
            let (start, end) = (try integer("start", 0), try integer("end", shape.count))
            guard (0...shape.count).contains(start), (start...shape.count).contains(end) else {
                throw InputError(problem: "Shape of axes \(start) to \(end) of \(shape)")
            }
            return [ONNXArray(.int64(shape[start..<end].map(Int64.init)), [end - start])]
        case "Unsqueeze": return [try unsqueeze(operand(0), axes: operand(1).integers())]
        case "Reshape": return [try reshape(operand(0), operand(1).integers())]
        case "Transpose": return [try transpose(operand(0), list("perm"))]
        case "Gather": return [try gather(operand(0), operand(1), axis: integer("axis", 0))]
        case "Slice":
            return [
                try slice(
                    operand(0), from: operand(1).integers(), to: operand(2).integers(), axes: operand(3).integers())
            ]
        case "Where": return [try choose(operand(0), operand(1), operand(2))]
        case "ReduceSum":
            return [
                try reduce(operand(0), operand(1).integers(), keeping: integer("keepdims", 1)) { $0.reduce(0, +) }
            ]
        case "ReduceMax":
            return [
                try reduce(operand(0), list("axes"), keeping: integer("keepdims", 1)) { $0.max() ?? -.infinity }
            ]
        case "ReduceL2":
            return [
                try reduce(operand(0), list("axes"), keeping: integer("keepdims", 1)) {
                    $0.reduce(0) { $0 + $1 * $1 }.squareRoot()
                }
            ]
        case "Softmax":
            try requireLastAxis(integer("axis", -1), of: operand(0), node)
            return [try softmax(operand(0))]
        case "LayerNormalization":
            try requireLastAxis(integer("axis", -1), of: operand(0), node)
            return [try layerNorm(node, operand(0), operand(1), operand(2))]
        case "MatMul": return [try multiply(operand(0), operand(1))]
        case "QuantizeLinear": return [try quantize(operand(0), operand(1), operand(2))]
        case "DequantizeLinear":
            // With one scale the axis means nothing.
            if try operand(1).count > 1 { try requireLastAxis(integer("axis", 1), of: operand(0), node) }
            return [try dequantize(operand(0), operand(1), operands.count > 2 ? operands[2] : nil)]
        case "DynamicQuantizeLinear": return try quantizeDynamically(operand(0))
        case "MatMulInteger": return [try multiply(operands, integerWeight(operand(1)))]
        default:
            throw InputError(
                problem: "the operator \(node.operation) is not run here", remedy: "export the model again")
        }
    }

    /// Refuses what would be computed along another axis than the last, which alone is run here.
    private static func requireLastAxis(_ axis: Int, of x: ONNXArray, _ node: ONNXModel.Node) throws {
        guard axis == -1 || axis == x.rank - 1 else {
            throw InputError(problem: "\(node.operation) along the axis \(axis) of \(x.shape) is not run here")
        }
    }

    private static func cast(_ x: ONNXArray, to type: Int) throws -> ONNXArray {
        switch type {
        case 1: return ONNXArray(x.converted(), x.shape)
        case 9: return ONNXArray(.bool(x.converted().map { $0 != 0 }), x.shape)
        default: throw InputError(problem: "Cast to the type \(type) is not run here")
        }
    }

    private static func softmax(_ x: ONNXArray) throws -> ONNXArray {
        var values = try x.floats()
        let width = max(x.width, 1)
        for start in stride(from: 0, to: values.count, by: width) {
            var largest = values[start]
            for index in start..<start + width { largest = max(largest, values[index]) }
            var sum: Float = 0
            for index in start..<start + width {
                values[index] = expf(values[index] - largest)
                sum += values[index]
            }
            for index in start..<start + width { values[index] /= sum }
        }
        return ONNXArray(values, x.shape)
    }

    private static func layerNorm(
        _ node: ONNXModel.Node, _ x: ONNXArray, _ gamma: ONNXArray, _ beta: ONNXArray
    ) throws -> ONNXArray {
        guard case .float(let epsilon)? = node.attributes["epsilon"], x.count > 0, gamma.shape == [x.width],
            beta.shape == [x.width]
        else { throw InputError(problem: "a norm without epsilon, or of another width than \(x.width)") }
        let tape = Tape(recording: false)
        let made = tape.layerNorm(
            Variable(constant: Tensor(try x.floats(), shape: x.shape)),
            gamma: Variable(constant: Tensor(try gamma.floats(), shape: gamma.shape)),
            beta: Variable(constant: Tensor(try beta.floats(), shape: beta.shape)), epsilon: epsilon)
        return ONNXArray(made.value.values, x.shape)
    }
}
