import CKernels

/// Rounding to grids whose steps are learned (LSQ; Esser et al. 2020, arXiv 1902.08153).
///
/// y = (clamp(round(x / s) + z, low, high) − z) · s. With ⌊·⌉ passing gradients unchanged, ∂y/∂x is 1 on the grid and 0
/// where x was clipped, and
///
///     ∂y/∂s = round(x / s) − x / s on the grid,  low − z below,  high − z above,
///
/// summed over the elements that share the step and divided by √(N · Q), N elements and Q = high − z, so that a step moves
/// as fast as a weight does, relative to its size.
private struct LearnedGrid: DifferentiableOperation {
    let x: Variable
    let steps: Variable
    let grid: Grid

    struct Grid {
        /// One step for all rows, or one for each.
        var steps: [Float]
        var zero: Float
        var low: Float
        var high: Float
        /// N.
        var elements: Int

        func step(_ row: Int) -> Float { steps.count == 1 ? steps[0] : steps[row] }
        /// 1 / √(N · Q).
        var share: Double { 1 / (Double(max(elements, 1)) * Double(max(high - zero, 1))).squareRoot() }
    }

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let (rows, width) = (x.value.rows, x.value.width)
        var dx = Tensor(uninitialized: x.shape)
        var sums = Tensor(zeros: [rows])
        let (destination, partials) = (dx.mutablePointer, sums.mutablePointer)
        let grid = grid
        Threads.forEachChunk(of: rows, grain: max(1, (1 << 14) / max(width, 1))) { range in
            for row in range {
                let (values, incoming) = (x.value.pointer + row * width, gradient.pointer + row * width)
                let step = grid.step(row)
                kernels.fake_quantize_backward(
                    values, incoming, destination + row * width, width, step, grid.zero, grid.low, grid.high)
                var sum = 0.0
                for index in 0..<width {
                    let quotient = values[index] / step
                    let level = quotient.rounded(.toNearestOrEven) + grid.zero
                    let slope =
                        level < grid.low
                        ? grid.low - grid.zero
                        : level > grid.high ? grid.high - grid.zero : level - grid.zero - quotient
                    sum += Double(slope) * Double(incoming[index])
                }
                partials[row] = Float(sum * grid.share)
            }
        }
        gradients.add(dx, to: x)
        gradients.add(
            grid.steps.count == 1 ? Tensor([sums.values.reduce(0, +)], shape: [1]) : sums, to: steps)
    }
}

extension Tape {
    /// x: [N, C] on an unsigned 8-bit grid with one learned step: [1] and a fixed zero point; N of the formula is C.
    public func fakeQuantize(_ x: Variable, step: Variable, zeroPoint: UInt8) -> Variable {
        precondition(step.shape == [1], "Tape.fakeQuantize: steps \(step.shape)")
        return learned(
            x, steps: step,
            .init(
                steps: step.value.values, zero: Float(zeroPoint), low: 0, high: 255,
                elements: x.value.width))
    }

    /// Each row of x: [R, C] on a symmetric grid with a learned step of its own: [R].
    public func fakeQuantizeRows(_ x: Variable, steps: Variable, bits: Int = 8) -> Variable {
        precondition(steps.shape == [x.value.rows], "Tape.fakeQuantizeRows: steps \(steps.shape) for \(x.shape)")
        let limit = Int8Matrix.limit(bits: bits)
        return learned(
            x, steps: steps,
            .init(steps: steps.value.values, zero: 0, low: -limit, high: limit, elements: x.value.width))
    }

    private func learned(_ x: Variable, steps: Variable, _ grid: LearnedGrid.Grid) -> Variable {
        precondition(grid.steps.allSatisfy { $0 > 0 }, "a learned step is not positive")
        var y = Tensor(uninitialized: x.shape)
        let (width, destination) = (x.value.width, y.mutablePointer)
        Threads.forEachChunk(of: x.value.rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
            for row in range {
                kernels.fake_quantize(
                    x.value.pointer + row * width, destination + row * width, width, grid.step(row), grid.zero,
                    grid.low, grid.high)
            }
        }
        return record(y, from: x, steps) { LearnedGrid(x: x, steps: steps, grid: grid) }
    }
}
