import CKernels
import Foundation

/// The angles by which rotary embeddings turn pairs, as cosines and sines: [positions, D / 2] each.
public struct RotaryTable: Sendable {
    /// Positions that the table knows.
    public let positions: Int
    /// Half the width of a head (D / 2).
    public let half: Int
    let cosines: Tensor
    let sines: Tensor

    /// - Parameters:
    ///   - positions: how many positions are tabulated, from 0.
    ///   - frequencies: radians per position of each pair: [D / 2].
    ///   - magnitude: what cosines and sines are multiplied by, as some scalings want.
    public init(positions: Int, frequencies: [Double], magnitude: Double = 1) {
        self.positions = positions
        half = frequencies.count
        var cosines = Tensor(uninitialized: [positions, frequencies.count])
        var sines = Tensor(uninitialized: [positions, frequencies.count])
        let (c, s) = (cosines.mutablePointer, sines.mutablePointer)
        let pairs = frequencies.count
        frequencies.withUnsafeBufferPointer { frequencies in
            nonisolated(unsafe) let frequencies = frequencies
            Threads.forEachChunk(of: positions, grain: max(1, (1 << 12) / max(pairs, 1))) { range in
                for position in range {
                    for pair in 0..<pairs {
                        // As published implementations do, the angle is rounded to single precision first.
                        let angle = Double(Float(position) * Float(frequencies[pair]))
                        c[position * pairs + pair] = Float(cos(angle) * magnitude)
                        s[position * pairs + pair] = Float(sin(angle) * magnitude)
                    }
                }
            }
        }
        self.cosines = cosines
        self.sines = sines
    }

    /// Turns every head of rows of x by the angle of the row's position: [N, H · D]. x may be y.
    func rotate(
        _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, positions: [Int32], width: Int, direction: Float
    ) {
        let heads = width / (2 * half)
        positions.withUnsafeBufferPointer { positions in
            nonisolated(unsafe) let positions = positions
            Threads.forEachChunk(of: positions.count, grain: max(1, (1 << 14) / max(width, 1))) { range in
                for row in range {
                    let angles = Int(positions[row]) * half
                    kernels.rotate(
                        x + row * width, y + row * width, cosines.pointer + angles, sines.pointer + angles, heads, half,
                        direction)
                }
            }
        }
    }
}

/// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864), in the half-rotation form of published checkpoints:
/// in each head, (y_j, y_{D/2+j}) is (x_j, x_{D/2+j}) turned by the angle position · frequency_j.
///
/// Turning is orthogonal: the gradient is turned back.
private struct Rotary: DifferentiableOperation {
    let x: GradientSlot
    let table: RotaryTable
    let positions: [Int32]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: x.shape)
        let destination = dx.mutablePointer
        Profile.measure(.attention) {
            table.rotate(
                gradient.pointer, into: destination, positions: positions, width: gradient.width, direction: -1)
        }
        gradients.add(dx, to: x)
    }
}

extension Tape {
    /// Turns each head of x: [N, H · D] by the angles of its row's position; positions: [N].
    public func rotary(_ x: Variable, positions: [Int32], table: RotaryTable) -> Variable {
        precondition(
            positions.count == x.value.rows && x.value.width % (2 * table.half) == 0
                && positions.allSatisfy { (0..<Int32(table.positions)).contains($0) },
            "rotary: \(x.shape) at \(positions.count) positions up to \(positions.max() ?? 0), table of \(table.positions) × \(table.half) pairs"
        )
        var y = Tensor(uninitialized: x.shape)
        let destination = y.mutablePointer
        Profile.measure(.attention) {
            table.rotate(
                x.value.pointer, into: destination, positions: positions, width: x.value.width, direction: 1)
        }
        return record(y, from: x) { Rotary(x: x.slot, table: table, positions: positions) }
    }
}
