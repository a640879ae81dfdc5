import CHDF5

/// A single value attached to a group or dataset.
public enum HDF5Attribute: Equatable, Sendable {
    case string(String)
    case integer(Int64)
    case number(Double)
}

extension HDF5Attribute {
    /// HDF5 keeps an attribute in its object's header, which holds no more than this; longer text belongs in a dataset.
    static let longestString = 60_000

    /// Reads the attribute `name` of an open object. Call with the library locked.
    init(reading name: String, of object: hid_t, _ place: HDF5Place) throws {
        let attribute = try HDF5Handle(
            H5Aopen(object, name, 0), H5Aclose, place, "cannot read the attribute '\(name)'")
        let space = try HDF5Handle(
            H5Aget_space(attribute.id), H5Sclose, place, "cannot read the shape of the attribute '\(name)'")
        guard H5Sget_simple_extent_npoints(space.id) == 1 else {
            throw place.problem("the attribute '\(name)' is not a single value")
        }
        let type = try HDF5Handle(
            H5Aget_type(attribute.id), H5Tclose, place, "cannot read the type of the attribute '\(name)'")
        let size = H5Tget_size(type.id)
        let failure = "cannot read the attribute '\(name)'"
        switch H5Tget_class(type.id) {
        case H5T_STRING:
            guard H5Tis_variable_str(type.id) == 0 else {
                throw place.problem(
                    "the attribute '\(name)' is a variable-length string",
                    remedy: "write it with a fixed length (h5py: np.bytes_)")
            }
            guard size <= Self.longestString else {
                throw place.problem(
                    "the attribute '\(name)' is \(size) bytes long, at most \(Self.longestString) are read")
            }
            var bytes = [UInt8](repeating: 0, count: size)
            try place.check(H5Aread(attribute.id, type.id, &bytes), failure)
            let isSpacePadded = H5Tget_strpad(type.id) == H5T_STR_SPACEPAD
            let padding: UInt8 = isSpacePadded ? UInt8(ascii: " ") : 0
            let end =
                H5Tget_strpad(type.id) == H5T_STR_NULLTERM
                ? bytes.firstIndex(of: 0) ?? size : (bytes.lastIndex { $0 != padding } ?? -1) + 1
            guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
                throw place.problem("the attribute '\(name)' is not UTF-8")
            }
            self = .string(text)
        case H5T_INTEGER where size <= 8:
            if H5Tget_sign(type.id) == H5T_SGN_NONE {
                var value: UInt64 = 0
                try place.check(H5Aread(attribute.id, retort_H5T_STD_U64LE(), &value), failure)
                guard let signed = Int64(exactly: value) else {
                    throw place.problem("the attribute '\(name)' is \(value), beyond a signed 64-bit integer")
                }
                self = .integer(signed)
            } else {
                var value: Int64 = 0
                try place.check(H5Aread(attribute.id, retort_H5T_STD_I64LE(), &value), failure)
                self = .integer(value)
            }
        case H5T_FLOAT where size <= 8:
            var value = 0.0
            try place.check(H5Aread(attribute.id, retort_H5T_IEEE_F64LE(), &value), failure)
            self = .number(value)
        default:
            throw place.problem("the attribute '\(name)' is neither a string nor a number of at most 64 bits")
        }
    }

    /// Writes the attribute to an open object, over an older one of that name. Call with the library locked.
    func write(_ name: String, to object: hid_t, _ place: HDF5Place) throws {
        switch self {
        case .string(let text):
            let bytes = text.isEmpty ? [0] : [UInt8](text.utf8)
            guard bytes.count <= Self.longestString else {
                throw place.problem(
                    "the attribute '\(name)' is \(bytes.count) bytes long, at most \(Self.longestString) fit",
                    remedy: "store it as a dataset of bytes")
            }
            let type = try HDF5Handle(H5Tcopy(retort_H5T_C_S1()), H5Tclose, place, "cannot make a string type")
            try place.check(H5Tset_size(type.id, bytes.count), "cannot make a string type")
            try place.check(H5Tset_cset(type.id, H5T_CSET_UTF8), "cannot make a string type")
            try place.check(H5Tset_strpad(type.id, H5T_STR_NULLPAD), "cannot make a string type")
            try bytes.withUnsafeBytes { try Self.write(name, $0, type.id, to: object, place) }
        case .integer(let value):
            try withUnsafeBytes(of: value) { try Self.write(name, $0, retort_H5T_STD_I64LE(), to: object, place) }
        case .number(let value):
            try withUnsafeBytes(of: value) { try Self.write(name, $0, retort_H5T_IEEE_F64LE(), to: object, place) }
        }
    }

    private static func write(
        _ name: String, _ bytes: UnsafeRawBufferPointer, _ type: hid_t, to object: hid_t, _ place: HDF5Place
    ) throws {
        let failure = "cannot write the attribute '\(name)'"
        if try place.check(H5Aexists(object, name), failure) > 0 {
            try place.check(H5Adelete(object, name), failure)
        }
        let space = try HDF5Handle(H5Screate(H5S_SCALAR), H5Sclose, place, failure)
        var attribute = try HDF5Handle(H5Acreate2(object, name, type, space.id, 0, 0), H5Aclose, place, failure)
        try place.check(H5Awrite(attribute.id, type, bytes.baseAddress), failure)
        try attribute.close(place)
    }
}
