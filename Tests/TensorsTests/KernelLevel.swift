import CKernels
import Foundation
import Tensors
import Testing

/// One table of vector kernels that this processor can run.
struct KernelLevel: Sendable, CustomTestStringConvertible {
    let index: Int

    static let all: [KernelLevel] = {
        var count = 0
        _ = retort_kernels_all(&count)
        return (0..<count).map(KernelLevel.init)
    }()

    var kernels: retort_kernels {
        var count = 0
        return retort_kernels_all(&count)![index]!.pointee
    }

    var testDescription: String { String(cString: kernels.name) }
}

/// Around the widths of the vectors (4, 8, 16 floats, 64 bytes), their remainders, nothing at all, and long.
let kernelSizes = [0, 1, 3, 15, 16, 17, 63, 64, 65, 1000]
/// Rows × widths for kernels that work row by row.
let kernelShapes = [(0, 5), (1, 1), (1, 17), (3, 15), (2, 16), (5, 64), (4, 65), (2, 1000)]

/// Normal numbers that depend on the name alone.
func normals(_ count: Int, _ name: String, deviation: Double = 1) -> [Float] {
    let key = RandomKey(0).mixed(name)
    return (0..<count).map { Float(key.normal($0) * deviation) }
}

extension [Float] {
    var doubles: [Double] { map(Double.init) }
}

/// The largest |found − expected| / scale(expected). A NaN or an infinity on one side alone counts as infinite.
func largestError(
    _ found: [Float], _ expected: [Double], scale: (Double) -> Double = { _ in 1 }
) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).reduce(0) { worst, pair in
        let (x, y) = (Double(pair.0), pair.1)
        if x == y || (x.isNaN && y.isNaN) { return worst }
        let error = abs(x - y) / scale(y)
        return error.isNaN ? .infinity : max(worst, error)
    }
}

/// For results whose relative error counts, with a floor where cancellation leaves only the absolute one.
func relative(_ floor: Double) -> (Double) -> Double {
    { max(abs($0), floor) }
}
