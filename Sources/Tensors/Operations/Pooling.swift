import CKernels

/// Where the sequences of a packed batch begin: sequence b has the rows `offsets[b]..<offsets[b + 1]`.
public struct SequenceOffsets: Equatable, Sendable {
    public let values: [Int]

    /// - Parameter lengths: the number of positions of each sequence, at least 1.
    public init(lengths: [Int]) {
        precondition(lengths.allSatisfy { $0 > 0 }, "SequenceOffsets: an empty sequence in \(lengths)")
        values = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    /// Number of sequences (B).
    public var count: Int { values.count - 1 }
    /// Number of rows of all sequences (N).
    public var rows: Int { values[values.count - 1] }
    public subscript(sequence: Int) -> Range<Int> { values[sequence]..<values[sequence + 1] }
}

/// y[b] = x[first row of b].
private struct FirstPosition: DifferentiableOperation {
    let x: Variable
    let offsets: SequenceOffsets

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(zeros: x.shape)
        let (width, destination) = (x.value.width, dx.mutablePointer)
        for b in 0..<offsets.count {
            (destination + offsets[b].lowerBound * width).update(from: gradient.pointer + b * width, count: width)
        }
        gradients.add(dx, to: x)
    }
}

/// y[b] = mean of the rows of b; each of its rows receives gradient / length.
private struct MeanPosition: DifferentiableOperation {
    let x: Variable
    let offsets: SequenceOffsets

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: x.shape)
        let (width, destination) = (x.value.width, dx.mutablePointer)
        for b in 0..<offsets.count {
            let share = 1 / Float(offsets[b].count)
            for row in offsets[b] {
                kernels.scale(gradient.pointer + b * width, share, destination + row * width, width)
            }
        }
        gradients.add(dx, to: x)
    }
}

/// y[b] = the largest of the rows of b, column by column; the first row that holds it receives the gradient.
private struct MaxPosition: DifferentiableOperation {
    let x: GradientSlot
    /// The row that each element of y comes from: [B · C].
    let rows: [Int]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(zeros: x.shape)
        let (width, destination) = (gradient.width, dx.mutablePointer)
        for (element, row) in rows.enumerated() {
            destination[row * width + element % width] = gradient.pointer[element]
        }
        gradients.add(dx, to: x)
    }
}

extension Tape {
    /// The first row of each sequence: x: [N, C] → [B, C].
    public func firstPosition(_ x: Variable, _ offsets: SequenceOffsets) -> Variable {
        precondition(x.value.rows == offsets.rows, "firstPosition: \(offsets.rows) positions for \(x.shape)")
        var y = Tensor(uninitialized: [offsets.count, x.value.width])
        let (width, destination) = (x.value.width, y.mutablePointer)
        for b in 0..<offsets.count {
            (destination + b * width).update(from: x.value.pointer + offsets[b].lowerBound * width, count: width)
        }
        return record(y, from: x) { FirstPosition(x: x, offsets: offsets) }
    }

    /// The mean over the rows of each sequence: x: [N, C] → [B, C].
    public func meanPosition(_ x: Variable, _ offsets: SequenceOffsets) -> Variable {
        precondition(x.value.rows == offsets.rows, "meanPosition: \(offsets.rows) positions for \(x.shape)")
        var y = Tensor(zeros: [offsets.count, x.value.width])
        let (width, destination) = (x.value.width, y.mutablePointer)
        for b in 0..<offsets.count {
            let share = 1 / Float(offsets[b].count)
            for row in offsets[b] {
                kernels.add_scaled(x.value.pointer + row * width, share, destination + b * width, width)
            }
        }
        return record(y, from: x) { MeanPosition(x: x, offsets: offsets) }
    }

    /// The largest element of each column over the rows of each sequence: x: [N, C] → [B, C].
    public func maxPosition(_ x: Variable, _ offsets: SequenceOffsets) -> Variable {
        precondition(x.value.rows == offsets.rows, "maxPosition: \(offsets.rows) positions for \(x.shape)")
        let (width, source) = (x.value.width, x.value.pointer)
        var y = Tensor(uninitialized: [offsets.count, width])
        let destination = y.mutablePointer
        var rows: [Int] = []
        rows.reserveCapacity(offsets.count * width)
        for b in 0..<offsets.count {
            for column in 0..<width {
                var best = offsets[b].lowerBound
                for row in offsets[b].dropFirst()
                where source[row * width + column] > source[best * width + column] || source[row * width + column].isNaN
                {
                    best = row
                }
                destination[b * width + column] = source[best * width + column]
                rows.append(best)
            }
        }
        return record(y, from: x) { MaxPosition(x: x.slot, rows: rows) }
    }
}
