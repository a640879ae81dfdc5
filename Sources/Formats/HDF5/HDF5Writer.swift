import CHDF5
import Files
public import Foundation

/// Fills a new HDF5 file; see `HDF5File.create(at:_:)`.
///
/// No time stamps are kept, so the same calls give the same bytes. Missing groups on the way to a path are made.
public final class HDF5Writer {
    private var file: HDF5Handle
    private let place: HDF5Place
    private let outcome = HDF5Outcome()

    fileprivate init(creating url: URL, named name: String) throws {
        let place = HDF5Place(file: name)
        self.place = place
        file = try HDF5Library.locked {
            let access = try HDF5Handle(H5Pcreate(retort_H5P_FILE_ACCESS()), H5Pclose, place, "cannot create")
            // From version 1.8 on, the file's own structures carry checksums.
            try place.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_V18, H5F_LIBVER_V110), "cannot create")
            // Closing the file closes whatever is still open in it.
            try place.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "cannot create")
            let creation = try Self.untimed(retort_H5P_FILE_CREATE(), place)
            return try HDF5Handle(
                H5Fcreate(url.path, retort_H5F_ACC_TRUNC(), creation.id, access.id), H5Fclose, place, "cannot create")
        }
    }

    fileprivate func close() throws {
        try HDF5Library.locked {
            if let failure = outcome.failure { throw failure }
            try place.check(H5Fflush(file.id, H5F_SCOPE_GLOBAL), "cannot write")
            try file.close(place)
        }
    }

    /// Makes a group, and the groups above it, unless they exist.
    ///
    /// - Throws: `InputError` if a dataset is in the way.
    public func createGroup(_ path: String) throws {
        try HDF5Library.locked { try createGroups(path.split(separator: "/")) }
    }

    /// Sets an attribute of the group or dataset at `path`, over an older one of that name.
    ///
    /// Strings are written as fixed-length UTF-8.
    ///
    /// - Throws: `InputError` if there is no such object, or the string is longer than an attribute can be.
    public func setAttribute(_ name: String, of path: String = "/", to value: HDF5Attribute) throws {
        let place = HDF5Place(file: place.file, path: path)
        try HDF5Library.locked {
            var object = try HDF5Handle(H5Oopen(file.id, path, 0), H5Oclose, place, "cannot open")
            try value.write(name, to: object.id, place)
            try object.close(place)
        }
    }

    /// Writes a whole dataset.
    ///
    /// - Parameters:
    ///   - shape: its product must be `values.count`; an empty shape is a scalar.
    ///   - path: `group/…/name`.
    ///   - deflate: 0 for none, or 1 (fast) to 9 (small), after shuffling the bytes.
    public func write<Element: HDF5Element>(
        _ values: UnsafeBufferPointer<Element>, shape: [Int], to path: String, deflate: Int = 0
    ) throws {
        precondition(
            Element.elementType.byteCount(shape: shape) == UnsafeRawBufferPointer(values).count,
            "\(values.count) values do not fill the shape \(shape)")
        let place = HDF5Place(file: place.file, path: path)
        var chunk: [Int]?
        if deflate > 0, let rows = shape.first, !values.isEmpty {
            let rowBytes = UnsafeRawBufferPointer(values).count / rows
            chunk = [min(rows, Self.rowsPerChunk(rowBytes: rowBytes))] + shape.dropFirst()
        }
        try HDF5Library.locked {
            let type = try Element.hdf5(place)
            var dataset = try createDataset(type, shape: shape, chunk: chunk, grows: false, deflate, place)
            if !values.isEmpty {
                try place.check(H5Dwrite(dataset.id, type, 0, 0, 0, values.baseAddress), "cannot write")
            }
            try dataset.close(place)
        }
    }

    /// Writes a whole dataset from an array.
    public func write<Element: HDF5Element>(
        _ values: [Element], shape: [Int], to path: String, deflate: Int = 0
    ) throws {
        try values.withUnsafeBufferPointer { try write($0, shape: shape, to: path, deflate: deflate) }
    }

    /// Makes a dataset without rows that grows along its first axis.
    ///
    /// - Parameters:
    ///   - rowShape: the shape of one row, without the first axis.
    ///   - chunkRows: rows that are stored, and compressed, together; about 256 KiB of them unless given.
    public func createRows<Element: HDF5Element>(
        of type: Element.Type, rowShape: [Int], to path: String, chunkRows: Int? = nil, deflate: Int = 0
    ) throws -> HDF5RowAppender<Element> {
        let place = HDF5Place(file: place.file, path: path)
        let rowCount = rowShape.reduce(1, *)
        precondition(rowCount > 0 && (chunkRows ?? 1) > 0, "rows of shape \(rowShape) hold nothing")
        let chunk = chunkRows ?? Self.rowsPerChunk(rowBytes: rowCount * Element.elementType.size)
        let dataset = try HDF5Library.locked {
            try createDataset(
                Element.hdf5(place), shape: [0] + rowShape, chunk: [chunk] + rowShape, grows: true, deflate, place)
        }
        return HDF5RowAppender(dataset: dataset, rowShape: rowShape, place, outcome)
    }

    /// Chunks stay well below the library's chunk cache of 1 MiB, so that appending to one does not compress it anew.
    private static func rowsPerChunk(rowBytes: Int) -> Int {
        max(1, (256 << 10) / rowBytes)
    }

    private func createDataset(
        _ type: hid_t, shape: [Int], chunk: [Int]?, grows: Bool, _ deflate: Int, _ place: HDF5Place
    ) throws -> HDF5Handle {
        let path = place.path ?? ""
        try createGroups(path.split(separator: "/").dropLast())
        let failure = "cannot create the dataset"
        let creation = try Self.untimed(retort_H5P_DATASET_CREATE(), place)
        if let chunk {
            let chunk = chunk.map { hsize_t($0) }
            try place.check(H5Pset_chunk(creation.id, Int32(chunk.count), chunk), failure)
            if deflate > 0 {
                try place.check(H5Pset_shuffle(creation.id), failure)
                try place.check(H5Pset_deflate(creation.id, UInt32(deflate)), failure)
            }
        }
        let extents = shape.map { hsize_t($0) }
        let limits = grows ? [hsize_t.max] + extents.dropFirst() : extents
        let space = try HDF5Handle(
            shape.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), extents, limits), H5Sclose,
            place, failure)
        return try HDF5Handle(H5Dcreate2(file.id, path, type, space.id, 0, creation.id, 0), H5Dclose, place, failure)
    }

    private func createGroups(_ names: some Sequence<Substring>) throws {
        var path = ""
        for name in names {
            path += "/" + name
            let place = HDF5Place(file: place.file, path: path)
            guard try place.check(H5Lexists(file.id, path, 0), "cannot create the group") == 0 else { continue }
            let creation = try Self.untimed(retort_H5P_GROUP_CREATE(), place)
            var group = try HDF5Handle(
                H5Gcreate2(file.id, path, 0, creation.id, 0), H5Gclose, place, "cannot create the group")
            try group.close(place)
        }
    }

    private static func untimed(_ kind: hid_t, _ place: HDF5Place) throws -> HDF5Handle {
        let properties = try HDF5Handle(H5Pcreate(kind), H5Pclose, place, "cannot create")
        try place.check(H5Pset_obj_track_times(properties.id, false), "cannot create")
        return properties
    }
}

extension HDF5File {
    /// Creates or replaces the file at `url` with what `body` writes. The file appears whole, or not at all if `body`
    /// throws.
    ///
    /// - Throws: what `body` throws, or `InputError` if the file cannot be written.
    public static func create(at url: URL, _ body: (HDF5Writer) throws -> Void) throws {
        try AtomicFile.replace(url) { aside in
            let writer = try HDF5Writer(creating: aside, named: url.path)
            try body(writer)
            try writer.close()
        }
    }
}
