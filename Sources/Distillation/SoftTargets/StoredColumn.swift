import Files
import Formats
import Tensors

/// A dataset [P, width] of numbers whose rows are read as they are asked for, or all at once into memory.
final class StoredColumn {
    let width: Int
    private let dataset: HDF5Dataset
    private var memory: Memory?

    private enum Memory {
        case half([UInt16])
        case brain([BFloat16Bits])
        case single([Float])
    }

    /// - Throws: `InputError` if there is no such dataset of `rows` rows, or its elements are no floats.
    init(_ path: String, rows: Int, width: Int? = nil, in file: HDF5File) throws {
        dataset = try file.dataset(path, shape: [rows, width])
        self.width = dataset.shape[1]
        guard [.float32, .float16, .bfloat16].contains(dataset.elementType) else {
            throw InputError(
                file: file.name, field: path,
                problem:
                    "expected float32, float16 or bfloat16, found \(dataset.elementType?.rawValue ?? "another type")",
                remedy: "write it as float32 (h5py: dtype=np.float32)")
        }
    }

    var element: TargetElement {
        switch dataset.elementType {
        case .float16: .float16
        case .bfloat16: .bfloat16
        default: .float32
        }
    }

    var isDeflated: Bool { dataset.storedBytes < byteCount }

    /// Bytes of the whole column in memory.
    var byteCount: Int { dataset.shape[0] * width * element.size }

    /// Takes the column into memory.
    func load() throws {
        guard memory == nil else { return }
        memory =
            switch dataset.elementType {
            case .float16: .half(try dataset.read())
            case .bfloat16: .brain(try dataset.read())
            default: .single(try dataset.read())
            }
    }

    /// The numbers of some rows, range after range.
    func values(_ ranges: [Range<Int>]) throws -> [Float] {
        switch memory {
        case .half(let bits): return HalfPrecision.decode(chosen(ranges, of: bits))
        case .brain(let bits): return BFloat16.decode(chosen(ranges, of: bits).map(\.bits))
        case .single(let values): return chosen(ranges, of: values)
        case nil: break
        }
        switch dataset.elementType {
        case .float16: return HalfPrecision.decode(try read(ranges, as: UInt16.self, zero: 0))
        case .bfloat16: return BFloat16.decode(try read(ranges, as: BFloat16Bits.self, zero: .init(0)).map(\.bits))
        default: return try read(ranges, as: Float.self, zero: 0)
        }
    }

    private func chosen<Element>(_ ranges: [Range<Int>], of values: [Element]) -> [Element] {
        var result: [Element] = []
        result.reserveCapacity(ranges.reduce(0) { $0 + $1.count } * width)
        for range in ranges { result += values[range.lowerBound * width..<range.upperBound * width] }
        return result
    }

    private func read<Element: HDF5Element>(
        _ ranges: [Range<Int>], as type: Element.Type, zero: Element
    ) throws -> [Element] {
        try dataset.readRows(ranges, filling: zero)
    }
}

extension HDF5Dataset {
    /// The elements of some rows, range after range.
    func readRows<Element: HDF5Element>(_ ranges: [Range<Int>], filling zero: Element) throws -> [Element] {
        let width = shape.dropFirst().reduce(1, *)
        var result = [Element](repeating: zero, count: ranges.reduce(0) { $0 + $1.count } * width)
        try result.withUnsafeMutableBufferPointer { buffer in
            var start = 0
            for range in ranges {
                let count = range.count * width
                try readRows(range, into: UnsafeMutableBufferPointer(rebasing: buffer[start..<start + count]))
                start += count
            }
        }
        return result
    }
}
