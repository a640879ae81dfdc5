import Files
import Tensors

extension ONNXOperation {
    /// A constant matrix [I, O] as linear layers hold it.
    static func weight(_ matrix: ONNXArray) throws -> Variable {
        guard matrix.rank == 2, matrix.count > 0 else {
            throw InputError(problem: "a product with a matrix of \(matrix.shape) is not run here")
        }
        let (inputs, outputs) = (matrix.shape[0], matrix.shape[1])
        let values = try matrix.floats().transposed(rows: inputs, width: outputs)
        return Variable(constant: Tensor(values, shape: [outputs, inputs]))
    }

    /// x · W: [..., I] → [..., O].
    static func multiply(_ x: ONNXArray, _ weight: Variable) throws -> ONNXArray {
        guard x.rank > 0, x.width == weight.shape[1] else {
            throw InputError(problem: "a product of \(x.shape) with \(weight.shape[1]) rows")
        }
        _ = try ONNXArray.count(x.shape.dropLast() + [weight.shape[0]])
        let rows = Variable(constant: Tensor(try x.floats(), shape: [x.count / max(x.width, 1), x.width]))
        let made = Tape(recording: false).linear(rows, weight: weight, bias: nil)
        return ONNXArray(made.value.values, x.shape.dropLast() + [weight.shape[0]])
    }

    /// The products of matrices in pairs: [..., I, K] · [..., K, J] → [..., I, J], or of all with one.
    static func multiply(_ a: ONNXArray, _ b: ONNXArray) throws -> ONNXArray {
        if b.rank == 2 { return try multiply(a, weight(b)) }
        guard a.rank == b.rank, a.rank > 2, a.shape.dropLast(2) == b.shape.dropLast(2), a.width == b.shape[b.rank - 2]
        else { throw InputError(problem: "a product of \(a.shape) with \(b.shape)") }
        _ = try ONNXArray.count(a.shape.dropLast() + [b.width])
        let (rows, depth, columns) = (a.shape[a.rank - 2], a.width, b.width)
        let (x, y) = (try a.floats(), try b.floats())
        var made: [Float] = []
        made.reserveCapacity(a.count / max(depth, 1) * columns)
        for index in 0..<a.shape.dropLast(2).reduce(1, *) {
            let left = Array(x[index * rows * depth..<(index + 1) * rows * depth])
            let right = Array(y[index * depth * columns..<(index + 1) * depth * columns])
            made += try multiply(
                ONNXArray(left, [rows, depth]), weight(ONNXArray(right, [depth, columns]))
            ).floats()
        }
        return ONNXArray(made, a.shape.dropLast() + [columns])
    }

    /// level = clamp(round(x / scale) + zero, 0, 255).
    static func quantize(_ x: ONNXArray, _ scale: ONNXArray, _ zero: ONNXArray) throws -> ONNXArray {
        let (scale, zeros) = (try scale.scalar(), try zero.bytes())
        guard scale > 0, scale.isFinite, zeros.count == 1 else { throw InputError(problem: "a grid of scale \(scale)") }
        return ONNXArray(.uint8(levels(try x.floats(), scale, zeros[0])), x.shape)
    }

    private static func levels(_ values: [Float], _ scale: Float, _ zero: UInt8) -> [UInt8] {
        values.map { value in
            let level = (value / scale).rounded(.toNearestOrEven) + Float(zero)
            // NaN gives 0.
            return level > 0 ? UInt8(min(level, 255)) : 0
        }
    }

    /// (level − zero) · scale, with one grid, or one per column.
    static func dequantize(_ x: ONNXArray, _ scale: ONNXArray, _ zero: ONNXArray?) throws -> ONNXArray {
        let zeroPoint = try zero.map { try Float($0.bytes().first ?? 0) } ?? 0
        let (scales, values) = (try scale.floats(), x.converted())
        guard scales.count == 1 || scales.count == x.width else {
            throw InputError(problem: "\(scales.count) scales for \(x.shape)")
        }
        return ONNXArray(
            values.indices.map { (values[$0] - zeroPoint) * scales[scales.count == 1 ? 0 : $0 % x.width] }, x.shape)
    }

    /// One grid over all values and zero: scale = (max − min) / 255, zero = round(−min / scale).
    static func quantizeDynamically(_ x: ONNXArray) throws -> [ONNXArray] {
        let values = try x.floats()
        let (low, high) = (min(values.min() ?? 0, 0), max(values.max() ?? 0, 0))
        let range = high - low
        // A range of subnormals has no scale that can be divided by.
        let scale = range / 255 >= .leastNormalMagnitude ? range / 255 : 1
        guard range.isFinite else { throw InputError(problem: "values from \(low) to \(high) have no grid") }
        let zero = UInt8(min(max((-low / scale).rounded(.toNearestOrEven), 0), 255))
        return [
            ONNXArray(.uint8(levels(values, scale, zero)), x.shape), ONNXArray([scale], []),
            ONNXArray(.uint8([zero]), []),
        ]
    }

    /// A constant int8 matrix [I, O], packed for the integer product.
    static func integerWeight(_ matrix: ONNXArray) throws -> PackedInt8Weight {
        guard matrix.rank == 2, case .int8(let levels) = matrix.elements, matrix.count > 0,
            matrix.shape[0] <= PackedInt8Weight.maximumDepth
        else { throw InputError(problem: "an integer product with \(matrix.shape) is not run here") }
        let (inputs, outputs) = (matrix.shape[0], matrix.shape[1])
        return PackedInt8Weight(
            Int8Matrix(
                rows: outputs, width: inputs, levels: levels.transposed(rows: inputs, width: outputs),
                scales: [Float](repeating: 1, count: outputs)),
            bias: [Float](repeating: 0, count: outputs))
    }

    /// Σ (a − zero) · b of unsigned a and int8 b: [..., I] → [..., O].
    static func multiply(_ operands: [ONNXArray?], _ weight: PackedInt8Weight) throws -> ONNXArray {
        guard operands.count > 2, let x = operands[0], let zero = try operands[2]?.bytes().first,
            x.width == weight.depth
        else { throw InputError(problem: "an integer product without zero point, or of another depth") }
        _ = try ONNXArray.count(x.shape.dropLast() + [weight.width])
        let rows = Tensor(try x.bytes().map { Float($0) - Float(zero) }, shape: [x.count / weight.depth, weight.depth])
        // The grid of whole numbers gives the levels back as they are.
        let levels = UInt8Activations(rows, UInt8Quantization(scale: 1, zeroPoint: zero))
        return ONNXArray(weight.multiply(levels).values, x.shape.dropLast() + [weight.width])
    }
}
