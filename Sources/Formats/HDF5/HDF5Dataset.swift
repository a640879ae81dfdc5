import CHDF5
import Files

/// A dataset of an `HDF5File`; what it declares was checked against what the file can hold.
public final class HDF5Dataset: Sendable {
    public let path: String
    public let shape: [Int]
    /// Nil for types that are not read, such as strings, compounds and big-endian numbers.
    public let elementType: ElementType?
    /// Bytes in the file, compressed if the dataset is.
    public let storedBytes: Int

    /// Keeps the file open.
    private let file: HDF5File
    private let handle: HDF5Handle
    private let place: HDF5Place

    /// Call with the library locked.
    init(_ path: String, in file: HDF5File) throws {
        let place = HDF5Place(file: file.name, path: path)
        let handle = try file.open(path)
        guard H5Iget_type(handle.id) == H5I_DATASET else { throw place.problem("expected a dataset") }

        // The layout comes first: asking a virtual dataset for its shape would open the files it is made of.
        let creation = try HDF5Handle(
            H5Dget_create_plist(handle.id), H5Pclose, place, "cannot read how the dataset is stored")
        try Self.checkStaysInFile(creation.id, place)
        let filters = try Self.filters(creation.id, place)

        let space = try HDF5Handle(H5Dget_space(handle.id), H5Sclose, place, "cannot read the shape")
        guard H5Sget_simple_extent_type(space.id) != H5S_NULL else { throw place.problem("the dataset is empty") }
        let rank = Int(try place.check(H5Sget_simple_extent_ndims(space.id), "cannot read the shape"))
        var extents = [hsize_t](repeating: 0, count: rank)
        try place.check(H5Sget_simple_extent_dims(space.id, &extents, nil), "cannot read the shape")
        let type = try HDF5Handle(H5Dget_type(handle.id), H5Tclose, place, "cannot read the element type")
        elementType = ElementType.ofHDF5(type.id)
        shape = extents.map { Int(clamping: $0) }
        storedBytes = Int(clamping: H5Dget_storage_size(handle.id))

        var chunk: [Int]?
        if H5Pget_layout(creation.id) == H5D_CHUNKED {
            var extents = [hsize_t](repeating: 0, count: rank)
            try place.check(H5Pget_chunk(creation.id, Int32(rank), &extents), "cannot read the chunks' shape")
            chunk = extents.map { Int(clamping: $0) }
        }
        try Self.checkSize(
            shape: shape, chunk: chunk, elementSize: H5Tget_size(type.id),
            isDeflated: filters.contains(H5Z_FILTER_DEFLATE),
            storedBytes: storedBytes, fileSize: file.size, place)

        self.path = path
        self.file = file
        self.handle = handle
        self.place = place
    }

    /// Reads the whole dataset.
    ///
    /// - Parameter byteLimit: a dataset that would take more memory is refused.
    /// - Throws: `InputError` if its elements are not of this type, it is larger than the limit, or cannot be read.
    public func read<Element: HDF5Element>(
        _ type: Element.Type = Element.self, byteLimit: Int = 4 << 30
    ) throws -> [Element] {
        try require(type)
        let bytes = Element.elementType.byteCount(shape: shape) ?? Int.max
        guard bytes <= byteLimit else {
            throw place.problem("the dataset takes \(bytes) bytes of memory, the limit is \(byteLimit)")
        }
        let count = bytes / Element.elementType.size
        return try Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 {
                try HDF5Library.locked {
                    let type = try Element.hdf5(place)
                    try place.check(H5Dread(handle.id, type, 0, 0, 0, buffer.baseAddress), "cannot read")
                }
            }
            initialized = count
        }
    }

    /// Reads consecutive rows (indices of the first axis) into the caller's memory.
    ///
    /// - Parameters:
    ///   - rows: must lie in the dataset.
    ///   - buffer: as long as the rows' elements together.
    /// - Throws: `InputError` if the elements are not of this type, the rows are not there, or cannot be read.
    public func readRows<Element: HDF5Element>(
        _ rows: Range<Int>, into buffer: UnsafeMutableBufferPointer<Element>
    ) throws {
        try require(Element.self)
        guard let available = shape.first, rows.lowerBound >= 0, rows.upperBound <= available else {
            throw place.problem("expected the rows \(rows), found the shape \(shape)")
        }
        let rowCount = shape.dropFirst().reduce(1, *)
        precondition(buffer.count == rows.count * rowCount, "\(buffer.count) values, \(rows.count) rows of \(rowCount)")
        guard !buffer.isEmpty else { return }
        let start = [hsize_t(rows.lowerBound)] + shape.dropFirst().map { _ in 0 }
        let count = ([rows.count] + shape.dropFirst()).map { hsize_t($0) }
        try HDF5Library.locked {
            let failure = "cannot read the rows \(rows)"
            let stored = try HDF5Handle(H5Dget_space(handle.id), H5Sclose, place, failure)
            try place.check(H5Sselect_hyperslab(stored.id, H5S_SELECT_SET, start, nil, count, nil), failure)
            let memory = try HDF5Handle(H5Screate_simple(Int32(count.count), count, nil), H5Sclose, place, failure)
            let type = try Element.hdf5(place)
            try place.check(H5Dread(handle.id, type, memory.id, stored.id, 0, buffer.baseAddress), failure)
        }
    }

    private func require<Element: HDF5Element>(_ type: Element.Type) throws {
        guard elementType == Element.elementType else {
            let found = elementType?.rawValue ?? "a type that is not read"
            throw place.problem("expected elements of type \(Element.elementType.rawValue), found \(found)")
        }
    }

    private static func checkStaysInFile(_ creation: hid_t, _ place: HDF5Place) throws {
        switch H5Pget_layout(creation) {
        case H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED: break
        case H5D_VIRTUAL: throw place.problem("a virtual dataset, made of other files, is not read")
        default: throw place.problem("the dataset is stored in an unknown way")
        }
        guard try place.check(H5Pget_external_count(creation), "cannot read how the dataset is stored") == 0 else {
            throw place.problem("the data lies in another file, which is not read")
        }
    }

    private static func filters(_ creation: hid_t, _ place: HDF5Place) throws -> [H5Z_filter_t] {
        let count = try place.check(H5Pget_nfilters(creation), "cannot read the filters")
        return try (0..<UInt32(count)).map { index in
            var flags: UInt32 = 0
            var values = 0
            var name = [CChar](repeating: 0, count: 64)
            let filter = H5Pget_filter2(creation, index, &flags, &values, nil, name.count - 1, &name, nil)
            try place.check(filter, "cannot read the filters")
            guard [H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32].contains(filter) else {
                let shown = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                throw place.problem(
                    "stored by the filter \(filter) '\(String(decoding: shown, as: UTF8.self))'",
                    remedy: "write it again with deflate (gzip) or uncompressed")
            }
            return filter
        }
    }

    /// Refuses shapes that no bytes stand behind, before memory is taken for them.
    private static func checkSize(
        shape: [Int], chunk: [Int]?, elementSize: Int, isDeflated: Bool, storedBytes: Int, fileSize: Int,
        _ place: HDF5Place
    ) throws {
        guard let declared = product([elementSize] + shape) else {
            throw place.problem("the shape \(shape) is too large to be real")
        }
        guard storedBytes <= fileSize else {
            throw place.problem("declares \(storedBytes) stored bytes in a file of \(fileSize)")
        }
        guard let chunk else {
            guard storedBytes == declared else {
                throw place.problem("the shape \(shape) needs \(declared) bytes, \(storedBytes) are stored")
            }
            return
        }
        // Chunks are stored whole, also those at the edges. Deflate shrinks by at most 1032
        // (https://www.zlib.net/zlib_tech.html).
        let chunks = zip(shape, chunk).map { $1 > 0 ? $0 / $1 + ($0 % $1 == 0 ? 0 : 1) : Int.max }
        guard let whole = product([elementSize] + chunk + chunks) else {
            throw place.problem("the shape \(shape) in chunks of \(chunk) is too large to be real")
        }
        guard whole / (isDeflated ? 1032 : 1) <= storedBytes else {
            throw place.problem(
                "the shape \(shape) in chunks of \(chunk) needs \(whole) bytes, \(storedBytes) are stored",
                remedy: "the file is damaged, or part of the dataset was never written")
        }
    }

    private static func product(_ factors: [Int]) -> Int? {
        var product = 1
        for factor in factors {
            let (value, overflows) = product.multipliedReportingOverflow(by: factor)
            guard !overflows else { return nil }
            product = value
        }
        return product
    }
}
