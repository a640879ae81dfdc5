import CHDF5
import Files
public import Foundation

/// An HDF5 file that is open for reading, and trusted in nothing.
///
/// Only hard links are followed: soft, external and user-defined links could lead out of the file or in circles.
public final class HDF5File: Sendable {
    /// What a name in a group stands for.
    public enum LinkKind: String, Sendable {
        case group, dataset
        case softLink = "soft link"
        case externalLink = "external link"
        case other
    }

    private let handle: HDF5Handle
    public let name: String
    /// Length of the file in bytes: no dataset can store more.
    let size: Int

    /// - Throws: `InputError` if the file is missing, is not HDF5, or is shorter than it declares.
    public init(reading url: URL) throws {
        let place = HDF5Place(file: url.path)
        name = url.path
        size = try MappedFile.data(at: url).count
        handle = try HDF5Library.locked {
            guard H5Fis_hdf5(url.path) > 0 else {
                throw place.problem("not an HDF5 file, or damaged at its start")
            }
            return try HDF5Handle(H5Fopen(url.path, retort_H5F_ACC_RDONLY(), 0), H5Fclose, place, "cannot open")
        }
    }

    /// Opens a dataset and checks what it declares before anything is read.
    ///
    /// - Parameter expected: the extents that the caller needs, nil where any will do.
    /// - Throws: `InputError` if there is no such dataset, its shape is another, its data lies outside this file or was
    ///   never written, it declares more than it can hold, or it is stored by a filter other than shuffle, deflate and
    ///   Fletcher's checksum.
    public func dataset(_ path: String, shape expected: [Int?]? = nil) throws -> HDF5Dataset {
        let dataset = try HDF5Library.locked { try HDF5Dataset(path, in: self) }
        if let expected {
            let fits =
                expected.count == dataset.shape.count && zip(expected, dataset.shape).allSatisfy { $0 ?? $1 == $1 }
            guard fits else {
                let shown = expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
                throw InputError(
                    file: name, field: path, problem: "expected the shape [\(shown)], found \(dataset.shape)")
            }
        }
        return dataset
    }

    /// The attribute `name` of the group or dataset at `path`, or nil if it has none.
    public func attribute(_ name: String, of path: String = "/") throws -> HDF5Attribute? {
        let place = HDF5Place(file: self.name, path: path)
        return try HDF5Library.locked {
            let object = try open(path)
            guard try place.check(H5Aexists(object.id, name), "cannot look for the attribute '\(name)'") > 0 else {
                return nil
            }
            return try HDF5Attribute(reading: name, of: object.id, place)
        }
    }

    /// A string attribute that must be there.
    public func string(_ name: String, of path: String = "/") throws -> String {
        guard case .string(let value) = try attribute(name, of: path) else { throw missing(name, "string", path) }
        return value
    }

    /// An integer attribute that must be there.
    public func integer(_ name: String, of path: String = "/") throws -> Int {
        guard case .integer(let value) = try attribute(name, of: path) else { throw missing(name, "integer", path) }
        return Int(value)
    }

    /// A floating-point or integer attribute that must be there.
    public func number(_ name: String, of path: String = "/") throws -> Double {
        switch try attribute(name, of: path) {
        case .number(let value): return value
        case .integer(let value): return Double(value)
        default: throw missing(name, "number", path)
        }
    }

    /// The names of the attributes at `path`, sorted.
    public func attributeNames(of path: String = "/") throws -> [String] {
        let place = HDF5Place(file: name, path: path)
        return try HDF5Library.locked {
            let object = try open(path)
            var names: [String] = []
            try withUnsafeMutablePointer(to: &names) { pointer in
                let status = H5Aiterate2(
                    object.id, H5_INDEX_NAME, H5_ITER_INC, nil,
                    { _, name, _, context in
                        guard let name, let context else { return -1 }
                        context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
                        return 0
                    }, pointer)
                try place.check(status, "cannot list the attributes")
            }
            return names
        }
    }

    /// What is in the group at `path`, sorted by name.
    public func links(in path: String = "/") throws -> [(name: String, kind: LinkKind)] {
        let place = HDF5Place(file: name, path: path)
        return try HDF5Library.locked {
            let group = try open(path)
            guard H5Iget_type(group.id) == H5I_GROUP else { throw place.problem("expected a group") }
            var names: [String] = []
            try withUnsafeMutablePointer(to: &names) { pointer in
                let status = retort_iterate_links(
                    group.id,
                    { _, name, _, context in
                        guard let name, let context else { return -1 }
                        context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
                        return 0
                    }, pointer)
                try place.check(status, "cannot list the group")
            }
            return names.map { ($0, kind(of: $0, in: group.id)) }
        }
    }

    /// The object's address in the file, by which two paths to one object are told.
    func address(of path: String) throws -> UInt64 {
        try HDF5Library.locked {
            let object = try open(path)
            var address: haddr_t = 0
            try HDF5Place(file: name, path: path).check(retort_object_address(object.id, &address), "cannot open")
            return UInt64(address)
        }
    }

    /// Opens the object at `path` after seeing that every link on the way is a hard link. Call with the library locked.
    func open(_ path: String) throws -> HDF5Handle {
        let place = HDF5Place(file: name, path: path)
        var prefix = ""
        for component in path.split(separator: "/") {
            prefix += "/" + component
            guard component != ".", !component.utf8.contains(0), H5Lexists(handle.id, prefix, 0) > 0 else {
                throw place.problem("not in the file")
            }
            switch retort_link_type(handle.id, prefix) {
            case H5L_TYPE_HARD: break
            case H5L_TYPE_SOFT: throw place.problem("'\(prefix)' is a soft link, which is not followed")
            case H5L_TYPE_EXTERNAL:
                throw place.problem("'\(prefix)' is a link to another file, which is not followed")
            default: throw place.problem("'\(prefix)' is a link of an unknown kind")
            }
        }
        return try HDF5Handle(H5Oopen(handle.id, prefix.isEmpty ? "/" : prefix, 0), H5Oclose, place, "cannot open")
    }

    /// Tells the kind without opening the object, which would decode more of the file than is needed.
    private func kind(of name: String, in group: hid_t) -> LinkKind {
        switch retort_link_type(group, name) {
        case H5L_TYPE_HARD:
            switch retort_object_type(group, name) {
            case H5O_TYPE_GROUP: return .group
            case H5O_TYPE_DATASET: return .dataset
            default: return .other
            }
        case H5L_TYPE_SOFT: return .softLink
        case H5L_TYPE_EXTERNAL: return .externalLink
        default: return .other
        }
    }

    private func missing(_ attribute: String, _ kind: String, _ path: String) -> InputError {
        InputError(
            file: name, field: path, problem: "expected the \(kind) attribute '\(attribute)'",
            remedy: "the file was not written by this version of Retort, or for another purpose")
    }
}
