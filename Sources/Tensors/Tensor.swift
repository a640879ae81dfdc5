import CKernels

/// A dense, row-major array of `Float` with value semantics.
///
/// Copying a tensor shares its storage; the first write to a shared storage copies it. Shapes are read as in the
/// legend of the whole package: B batch, T positions, N = ΣT rows of a packed batch, C width, H heads, V vocabulary.
public struct Tensor: Sendable {
    public let shape: [Int]
    private(set) var storage: Storage

    /// A tensor whose content is undefined until it is written.
    public init(uninitialized shape: [Int]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: negative dimension in \(shape)")
        self.shape = shape
        storage = Storage(count: shape.reduce(1, *))
    }

    /// A tensor filled with `value`.
    public init(repeating value: Float, shape: [Int]) {
        self.init(uninitialized: shape)
        storage.pointer.update(repeating: value, count: count)
    }

    /// A tensor of zeros.
    public init(zeros shape: [Int]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: negative dimension in \(shape)")
        self.shape = shape
        storage = Storage(zeros: shape.reduce(1, *))
    }

    /// A tensor with these values in row-major order; their number must fit the shape.
    public init(_ values: [Float], shape: [Int]) {
        self.init(uninitialized: shape)
        precondition(values.count == count, "Tensor: \(values.count) values for shape \(shape)")
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { storage.pointer.update(from: base, count: count) }
        }
    }

    private init(shape: [Int], storage: Storage) {
        self.shape = shape
        self.storage = storage
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Product of all dimensions but the last.
    public var rows: Int { shape.dropLast().reduce(1, *) }

    /// The last dimension.
    public var width: Int { shape.last ?? 1 }

    /// All elements in row-major order, copied.
    public var values: [Float] {
        withUnsafeBufferPointer(Array.init)
    }

    /// The only element of a tensor with one element.
    public var scalar: Float {
        precondition(count == 1, "Tensor.scalar: shape \(shape) has more than one element")
        return storage.pointer[0]
    }

    /// The same elements under another shape; shares the storage.
    public func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.reduce(1, *) == count, "Tensor.reshaped: \(self.shape) does not hold \(shape)")
        return Tensor(shape: shape, storage: storage)
    }

    /// Some of the rows, copied.
    public func rows(_ range: Range<Int>) -> Tensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "Tensor.rows: \(range) of \(shape)")
        var y = Tensor(uninitialized: [range.count, width])
        y.mutablePointer.update(from: pointer + range.lowerBound * width, count: y.count)
        return y
    }

    /// The rows of all `parts`, which have one width, one after the other.
    public static func joining(_ parts: [Tensor]) -> Tensor {
        guard parts.count != 1 else { return parts[0] }
        let width = parts.first?.width ?? 0
        precondition(parts.allSatisfy { $0.width == width }, "Tensor.joining: rows of several widths")
        var y = Tensor(uninitialized: [parts.reduce(0) { $0 + $1.rows }, width])
        var end = y.mutablePointer
        for part in parts {
            end.update(from: part.pointer, count: part.count)
            end += part.count
        }
        return y
    }

    public func withUnsafeBufferPointer<R, E: Error>(_ body: (UnsafeBufferPointer<Float>) throws(E) -> R) throws(E) -> R
    {
        try body(UnsafeBufferPointer(start: storage.pointer, count: count))
    }

    /// Gives write access, after copying the storage if another tensor shares it.
    public mutating func withUnsafeMutableBufferPointer<R, E: Error>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(E) -> R
    ) throws(E) -> R {
        makeUnique()
        return try body(UnsafeMutableBufferPointer(start: storage.pointer, count: count))
    }

    /// Read access for kernels of this target; the tensor must outlive the use.
    var pointer: UnsafePointer<Float> { UnsafePointer(storage.pointer) }

    /// Write access for kernels of this target.
    var mutablePointer: UnsafeMutablePointer<Float> {
        mutating get {
            makeUnique()
            return storage.pointer
        }
    }

    private mutating func makeUnique() {
        guard !isKnownUniquelyReferenced(&storage) else { return }
        let copy = Storage(count: count)
        copy.pointer.update(from: storage.pointer, count: count)
        storage = copy
    }
}

extension Tensor {
    /// Adds `factor · other`, in place. Shapes must be equal.
    public mutating func add(_ other: Tensor, scaledBy factor: Float = 1) {
        precondition(shape == other.shape, "Tensor.add: \(shape) and \(other.shape)")
        let destination = mutablePointer
        Threads.forEachChunk(of: count, grain: 1 << 16) { range in
            kernels.add_scaled(
                other.pointer + range.lowerBound, factor, destination + range.lowerBound, range.count)
        }
    }

    /// x − other. Shapes must be equal.
    public func subtracting(_ other: Tensor) -> Tensor {
        precondition(shape == other.shape, "Tensor.subtracting: \(shape) and \(other.shape)")
        var y = Tensor(uninitialized: shape)
        let destination = y.mutablePointer
        Threads.forEachChunk(of: count, grain: 1 << 16) { range in
            kernels.subtract(
                pointer + range.lowerBound, other.pointer + range.lowerBound, destination + range.lowerBound,
                range.count)
        }
        return y
    }

    /// factor · x: itself where the factor is 1.
    public func scaled(by factor: Float) -> Tensor {
        guard factor != 1 else { return self }
        var y = Tensor(uninitialized: shape)
        let destination = y.mutablePointer
        Threads.forEachChunk(of: count, grain: 1 << 16) { range in
            kernels.scale(pointer + range.lowerBound, factor, destination + range.lowerBound, range.count)
        }
        return y
    }

    /// Σ x², in double precision and in an order that does not depend on the threads.
    public var sumOfSquares: Double {
        let block = 1 << 16
        return Threads.map((count + block - 1) / block) { index in
            kernels.sum_squares(pointer + index * block, min(block, count - index * block))
        }.reduce(0, +)
    }

    /// Whether no element is NaN or infinite.
    public var isFinite: Bool {
        sumOfSquares.isFinite
    }
}
