import CKernels

/// How a tensor of activations becomes unsigned 8-bit integers: level = clamp(round(x / scale) + zeroPoint, 0, 255).
///
/// Rounds half to even; a level stands for (level − zeroPoint) · scale.
public struct UInt8Quantization: Equatable, Sendable {
    /// Positive and finite.
    public let scale: Float
    /// The level of 0.
    public let zeroPoint: UInt8

    public init(scale: Float, zeroPoint: UInt8) {
        precondition(scale > 0 && scale.isFinite, "UInt8Quantization: scale \(scale)")
        self.scale = scale
        self.zeroPoint = zeroPoint
    }
}

/// y = (clamp(round(x / s) + z, 0, 255) − z) · s, with the straight-through estimator (Bengio, Léonard, Courville 2013,
/// arXiv 1308.3432): ∂L/∂x = ∂L/∂y where round(x / s) + z lies in 0…255, and 0 where x was clipped.
private struct FakeQuantize: DifferentiableOperation {
    let x: Variable
    let quantization: UInt8Quantization

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: x.shape)
        let destination = dx.mutablePointer
        Threads.forEachChunk(of: dx.count, grain: 1 << 15) { range in
            let start = range.lowerBound
            kernels.fake_quantize_backward(
                x.value.pointer + start, gradient.pointer + start, destination + start, range.count,
                quantization.scale, Float(quantization.zeroPoint), 0, 255)
        }
        gradients.add(dx, to: x)
    }
}

/// Rounding of each row to its own symmetric int8 grid: y = clamp(round(x / s), −127, 127) · s.
///
/// The scales are those of the rows themselves, so nothing is clipped and the gradient passes unchanged: the
/// straight-through estimator with the scale held constant.
struct RowFakeQuantization {
    let scales: [Float]
    let limit: Float

    func forward(_ x: Tensor) -> Tensor {
        var y = Tensor(uninitialized: x.shape)
        let (width, destination) = (x.width, y.mutablePointer)
        Threads.forEachChunk(of: x.rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
            for row in range {
                let start = row * width
                kernels.fake_quantize(
                    x.pointer + start, destination + start, width, scales[row], 0, -limit, limit)
            }
        }
        return y
    }
}

/// The record of `fakeQuantizeRows`: the identity backwards.
private struct StraightThrough: DifferentiableOperation {
    let x: GradientSlot

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(gradient, to: x)
    }
}

extension Tape {
    /// x as it comes back from unsigned 8-bit integers; the gradient is 0 where x was clipped.
    public func fakeQuantize(_ x: Variable, _ quantization: UInt8Quantization) -> Variable {
        var y = Tensor(uninitialized: x.shape)
        let destination = y.mutablePointer
        Threads.forEachChunk(of: y.count, grain: 1 << 15) { range in
            kernels.fake_quantize(
                x.value.pointer + range.lowerBound, destination + range.lowerBound, range.count, quantization.scale,
                Float(quantization.zeroPoint), 0, 255)
        }
        return record(y, from: x) { FakeQuantize(x: x, quantization: quantization) }
    }

    /// x: [R, C] as it comes back from an `Int8Matrix`, whose scales follow x; the gradient passes unchanged.
    public func fakeQuantizeRows(_ x: Variable, bits: Int = 8) -> Variable {
        let y = RowFakeQuantization(
            scales: Int8Matrix.scales(of: x.value, bits: bits), limit: Int8Matrix.limit(bits: bits)
        ).forward(x.value)
        return record(y, from: x) { StraightThrough(x: x.slot) }
    }
}
