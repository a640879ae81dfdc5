import CKernels

/// The keys and values of the positions that a decoder's layer has seen: [positions, G · D] each.
public struct KeyValueCache {
    private let width: Int
    private var keys: Tensor
    private var values: Tensor
    /// Positions held.
    public private(set) var count = 0

    /// - Parameter width: floats of a position (G · D).
    public init(width: Int) {
        self.width = width
        keys = Tensor(uninitialized: [0, width])
        values = keys
    }

    /// Takes in the keys and values of the next positions: [N, G · D].
    public mutating func append(keys newKeys: Tensor, values newValues: Tensor) {
        precondition(
            newKeys.width == width && newValues.shape == newKeys.shape,
            "KeyValueCache: keys \(newKeys.shape), values \(newValues.shape) for rows of \(width)")
        let needed = count + newKeys.rows
        if needed > keys.rows {
            let capacity = max(needed, 2 * keys.rows, 64)
            keys = Self.grown(keys, to: capacity, keeping: count)
            values = Self.grown(values, to: capacity, keeping: count)
        }
        (keys.mutablePointer + count * width).update(from: newKeys.pointer, count: newKeys.count)
        (values.mutablePointer + count * width).update(from: newValues.pointer, count: newValues.count)
        count = needed
    }

    private static func grown(_ tensor: Tensor, to capacity: Int, keeping rows: Int) -> Tensor {
        var result = Tensor(uninitialized: [capacity, tensor.width])
        result.mutablePointer.update(from: tensor.pointer, count: rows * tensor.width)
        return result
    }

    /// Causal attention of queries at the last positions held: [N, H · D] → [N, H · D].
    ///
    /// Query n is at position count − N + n and sees the positions up to its own. With G < H key heads, H / G
    /// neighbouring query heads share one.
    public func attend(_ queries: Tensor, heads: Int, headSize: Int) -> Tensor {
        let keyHeads = width / headSize
        precondition(
            heads % keyHeads == 0 && queries.width == heads * headSize && queries.rows <= count,
            "KeyValueCache.attend: queries \(queries.shape), \(heads) heads of \(headSize), \(count) positions of \(width)"
        )
        let (rows, group) = (queries.rows, heads / keyHeads)
        var y = Tensor(uninitialized: queries.shape)
        let destination = y.mutablePointer
        let scale = 1 / Float(headSize).squareRoot()
        func run(_ index: Int) {
            let (row, head) = (index / keyHeads, index % keyHeads)
            let seen = count - rows + row + 1
            let start = row * queries.width + head * group * headSize
            withUnsafeTemporaryAllocation(of: Float.self, capacity: group * seen) { scores in
                kernels.attend(
                    queries.pointer + start, keys.pointer + head * headSize, values.pointer + head * headSize, width,
                    scores.baseAddress!, destination + start, group, seen, headSize, scale)
            }
        }
        if rows * count * heads * headSize > 1 << 17 {
            Threads.forEach(rows * keyHeads, run)
        } else {
            for index in 0..<rows * keyHeads { run(index) }
        }
        return y
    }
}

extension Tensor {
    /// Turns each head of every row by the angles of its position, in place: [N, H · D], positions: [N].
    public mutating func rotate(positions: [Int32], table: RotaryTable) {
        precondition(
            positions.count == rows && width % (2 * table.half) == 0
                && positions.allSatisfy { (0..<Int32(table.positions)).contains($0) },
            "Tensor.rotate: \(shape) at \(positions.count) positions, table of \(table.positions) × \(table.half)")
        let pointer = mutablePointer
        table.rotate(pointer, into: pointer, positions: positions, width: width, direction: 1)
    }

    /// SiLU(x) ⊙ up of equal shapes.
    public func gating(_ up: Tensor) -> Tensor {
        Tape(recording: false).swiGLU(gate: Variable(constant: self), up: Variable(constant: up)).value
    }

    /// The activation of every element.
    public func activated(_ activation: Activation) -> Tensor {
        activation(self)
    }

    /// Adds a vector to every row: [N, C] + [C].
    public mutating func addToRows(_ vector: Tensor) {
        precondition(vector.shape == [width], "Tensor.addToRows: \(vector.shape) to \(shape)")
        let destination = mutablePointer
        for row in 0..<rows { kernels.add_scaled(vector.pointer, 1, destination + row * width, width) }
    }
}
