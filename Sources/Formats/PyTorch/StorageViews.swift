import Files
import Foundation

/// Takes tensors out of storages: element i₀…iₙ of a tensor is element offset + Σ iₖ · strideₖ of its storage.
struct StorageViews {
    /// By key.
    let storages: [String: Data]
    /// Bytes that copies of tensors that are not contiguous may still take.
    private var copyAllowance: Int

    init(storages: [String: Data], copyLimit: Int) {
        self.storages = storages
        copyAllowance = copyLimit
    }

    /// - Throws: `InputError` without a file, if the storage is not in the archive, does not have the declared size, or the
    ///   tensor reaches beyond it.
    mutating func tensor(_ declared: PickleTensor, in storage: PickleStorage) throws -> StoredTensor {
        let type = storage.type
        guard let bytes = storages[storage.key] else {
            throw InputError(problem: "its storage data/\(storage.key) is not in the archive")
        }
        guard storage.count >= 0, type.byteCount(shape: [storage.count]) == bytes.count else {
            throw InputError(
                problem:
                    "its storage data/\(storage.key) of \(storage.count) \(type.rawValue) holds \(bytes.count) bytes")
        }
        let (shape, strides) = (declared.shape, declared.strides)
        guard shape.count == strides.count else {
            throw InputError(problem: "the shape \(shape) has the strides \(strides), one of each is expected")
        }
        guard let size = type.byteCount(shape: shape) else { throw type.impossible(shape: shape) }
        guard size > 0 else { return try StoredTensor(type: type, shape: shape, bytes: Data()) }
        guard let last = Self.lastElement(declared), last < storage.count else {
            throw InputError(
                problem: "the shape \(shape) with the strides \(strides) from element \(declared.offset) on reaches "
                    + "outside of its storage of \(storage.count) elements")
        }
        if Self.isContiguous(shape, strides) {
            let start = bytes.startIndex + declared.offset * type.size
            return try StoredTensor(type: type, shape: shape, bytes: bytes[start..<start + size])
        }
        guard size <= copyAllowance else {
            throw InputError(
                problem:
                    "the shape \(shape) with the strides \(strides) repeats elements: \(size) bytes from a storage "
                    + "of \(bytes.count)", remedy: "in Python: save tensor.contiguous()")
        }
        copyAllowance -= size
        return try StoredTensor(
            type: type, shape: shape, bytes: Self.contiguous(declared, size: size, of: type.size, bytes))
    }

    /// The storage's element that the tensor's last one is; nil if a number is negative or overflows. No extent is 0.
    private static func lastElement(_ tensor: PickleTensor) -> Int? {
        guard tensor.offset >= 0 else { return nil }
        var last = tensor.offset
        for (extent, stride) in zip(tensor.shape, tensor.strides) {
            guard stride >= 0 else { return nil }
            let (span, overflows) = (extent - 1).multipliedReportingOverflow(by: stride)
            let (sum, exceeds) = last.addingReportingOverflow(span)
            guard !overflows, !exceeds else { return nil }
            last = sum
        }
        return last
    }

    /// Whether the elements follow each other in row-major order; an axis of one element may have any stride.
    private static func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
        var expected = 1
        for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
            guard stride == expected else { return false }
            expected *= extent
        }
        return true
    }

    private static func contiguous(_ tensor: PickleTensor, size: Int, of width: Int, _ bytes: Data) -> Data {
        var copy = Data(count: size)
        copy.withUnsafeMutableBytes { copy in
            bytes.withUnsafeBytes { source in
                // The stride of an axis of one element is never taken, and may be any number.
                let strides = zip(tensor.shape, tensor.strides).map { $0 == 1 ? 0 : $1 }
                var index = [Int](repeating: 0, count: tensor.shape.count)
                var element = tensor.offset
                for target in stride(from: 0, to: size, by: width) {
                    UnsafeMutableRawBufferPointer(rebasing: copy[target..<target + width])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[element * width..<(element + 1) * width]))
                    var axis = tensor.shape.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        element += strides[axis]
                        if index[axis] < tensor.shape[axis] { break }
                        element -= index[axis] * strides[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
        return copy
    }
}
