import CKernels

/// Where the gradient of a leaf, such as a weight, is summed up over backward passes.
///
/// A table of which only some rows were used holds gradients for these rows alone, until a dense gradient arrives or its
/// `value` is asked for.
public final class GradientBuffer {
    public let shape: [Int]

    private enum Content {
        /// Nothing has arrived: zeros, whatever the memory holds.
        case clear
        case dense
        case rows(RowGradients)
    }
    private var content = Content.clear
    /// nil until a dense gradient arrives; then the memory stays.
    private var sum: Tensor?

    public init(shape: [Int]) {
        self.shape = shape
    }

    /// The sum: zeros if nothing has arrived.
    public var value: Tensor {
        get {
            makeDense()
            return sum!
        }
        set {
            precondition(newValue.shape == shape, "GradientBuffer: \(newValue.shape) for \(shape)")
            sum = newValue
            content = .dense
        }
    }

    /// Sets the sum to zero, keeping the memory.
    public func clear() {
        content = .clear
    }

    /// Σ of the squares, in double precision.
    public var sumOfSquares: Double {
        switch content {
        case .clear: 0
        case .dense: sum!.sumOfSquares
        case .rows(let rows): rows.sums.sumOfSquares
        }
    }

    /// Calls `body` with the values that have arrived, in no particular order; all others are zeros.
    public func withArrivedValues<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
        switch content {
        case .clear: try body(UnsafeBufferPointer(start: nil, count: 0))
        case .dense: try sum!.withUnsafeBufferPointer(body)
        case .rows(let rows): try rows.sums.withUnsafeBufferPointer(body)
        }
    }

    /// The gradients of single rows, where only these have arrived.
    var rows: RowGradients? {
        if case .rows(let rows) = content { rows } else { nil }
    }

    func add(_ gradient: Tensor) {
        if case .clear = content {
            sum = gradient
            content = .dense
        } else {
            makeDense()
            sum!.add(gradient)
        }
    }

    /// Lets `body` write the gradient, or add it to the sum where its second argument says so.
    func accumulate(_ body: (UnsafeMutablePointer<Float>, Bool) -> Void) {
        let isFirst = if case .clear = content { true } else { false }
        if isFirst {
            if sum == nil { sum = Tensor(uninitialized: shape) }
            content = .dense
        } else {
            makeDense()
        }
        body(sum!.mutablePointer, !isFirst)
    }

    /// Adds row n of gradient: [N, C] to row ids[n] of the table's gradient.
    func add(_ gradient: Tensor, toRows ids: [Int32]) {
        switch content {
        case .clear: content = .rows(RowGradients(gradient, ids: ids, tableRows: shape[0], earlier: nil))
        case .rows(let rows): content = .rows(RowGradients(gradient, ids: ids, tableRows: shape[0], earlier: rows))
        case .dense:
            let (width, destination) = (gradient.width, sum!.mutablePointer)
            for (row, id) in ids.enumerated() {
                kernels.add_scaled(gradient.pointer + row * width, 1, destination + Int(id) * width, width)
            }
        }
    }

    private func makeDense() {
        switch content {
        case .dense: return
        case .clear: sum = Tensor(zeros: shape)
        case .rows(let rows):
            var dense = Tensor(zeros: shape)
            let destination = dense.mutablePointer
            for row in 0..<shape[0] {
                guard let source = rows[row] else { continue }
                (destination + row * rows.width).update(from: source, count: rows.width)
            }
            sum = dense
        }
        content = .dense
    }
}

/// Gradients of some rows of a table: [V, C].
struct RowGradients {
    /// Which row of `sums` belongs to each row of the table; −1 for rows without a gradient.
    private var places: [Int32]
    /// The rows that have a gradient, in the order in which they first arrived.
    fileprivate private(set) var sums: Tensor
    let width: Int

    /// - Parameter earlier: gradients of the same table, to which the new ones are added.
    init(_ gradient: Tensor, ids: [Int32], tableRows: Int, earlier: RowGradients?) {
        width = gradient.width
        places = earlier?.places ?? [Int32](repeating: -1, count: tableRows)
        let known = earlier?.sums.rows ?? 0
        var count = Int32(known)
        for id in ids where places[Int(id)] < 0 {
            places[Int(id)] = count
            count += 1
        }
        sums = Tensor(uninitialized: [Int(count), width])
        let destination = sums.mutablePointer
        if let earlier { destination.update(from: earlier.sums.pointer, count: known * width) }
        (destination + known * width).update(repeating: 0, count: (Int(count) - known) * width)
        for (row, id) in ids.enumerated() {
            kernels.add_scaled(
                gradient.pointer + row * width, 1, destination + Int(places[Int(id)]) * width, width)
        }
    }

    /// The gradient of a row of the table, nil where it is zero.
    subscript(row: Int) -> UnsafePointer<Float>? {
        places[row] < 0 ? nil : sums.pointer + Int(places[row]) * width
    }
}
