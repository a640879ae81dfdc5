import CHDF5

/// A Swift type that is written to and read from HDF5 datasets without conversion.
public protocol HDF5Element: BitwiseCopyable, Sendable {
    /// The type in the file, as wide as this one.
    static var elementType: ElementType { get }
}

extension HDF5Element {
    /// The library's type. Call with the library locked.
    static func hdf5(_ place: HDF5Place) throws -> hid_t {
        precondition(MemoryLayout<Self>.stride == elementType.size, "\(Self.self) is not as wide as \(elementType)")
        guard let type = elementType.hdf5 else {
            throw place.problem("HDF5 has no element type \(elementType.rawValue)")
        }
        return type
    }
}

extension Float: HDF5Element {
    public static var elementType: ElementType { .float32 }
}

extension Double: HDF5Element {
    public static var elementType: ElementType { .float64 }
}

/// The bits of an IEEE half: a dataset of float16, not of 16-bit integers.
extension UInt16: HDF5Element {
    public static var elementType: ElementType { .float16 }
}

/// The bits of a bfloat16, the upper half of a float32: HDF5 converts such datasets to any other type of float.
public struct BFloat16Bits: HDF5Element, Equatable {
    public static var elementType: ElementType { .bfloat16 }
    public let bits: UInt16

    public init(_ bits: UInt16) {
        self.bits = bits
    }
}

extension Int64: HDF5Element {
    public static var elementType: ElementType { .int64 }
}

extension Int32: HDF5Element {
    public static var elementType: ElementType { .int32 }
}

extension Int8: HDF5Element {
    public static var elementType: ElementType { .int8 }
}

extension UInt64: HDF5Element {
    public static var elementType: ElementType { .uint64 }
}

extension UInt8: HDF5Element {
    public static var elementType: ElementType { .uint8 }
}

extension ElementType {
    /// The library's type, in the file and in memory alike, or nil where HDF5 has none. Call with the library locked.
    var hdf5: hid_t? {
        switch self {
        case .float64: retort_H5T_IEEE_F64LE()
        case .float32: retort_H5T_IEEE_F32LE()
        case .float16: half
        case .bfloat16: brain
        case .int64: retort_H5T_STD_I64LE()
        case .int32: retort_H5T_STD_I32LE()
        case .int16: retort_H5T_STD_I16LE()
        case .int8: retort_H5T_STD_I8LE()
        case .uint64: retort_H5T_STD_U64LE()
        case .uint32: retort_H5T_STD_U32LE()
        case .uint16: retort_H5T_STD_U16LE()
        case .uint8: retort_H5T_STD_U8LE()
        case .bool, .q80, .q51, .q50, .q41, .q40, .q6K, .q4K: nil
        }
    }

    /// The element type of a dataset's `type`, or nil for all others (big-endian numbers, strings, compounds, …).
    static func ofHDF5(_ type: hid_t) -> ElementType? {
        allCases.first { candidate in
            candidate.hdf5.map { H5Tequal($0, type) > 0 } ?? false
        }
    }
}

/// IEEE 754 binary16: sign bit 15, exponent bits 10–14 with bias 15, fraction bits 0–9. Lives as long as the process.
private let half: hid_t = {
    let type = H5Tcopy(retort_H5T_IEEE_F32LE())
    H5Tset_fields(type, 15, 10, 5, 0, 10)
    H5Tset_size(type, 2)
    H5Tset_ebias(type, 15)
    return type
}()

/// bfloat16: sign bit 15, exponent bits 7–14 with bias 127, fraction bits 0–6. Lives as long as the process.
private let brain: hid_t = {
    let type = H5Tcopy(retort_H5T_IEEE_F32LE())
    H5Tset_fields(type, 15, 7, 8, 0, 7)
    H5Tset_size(type, 2)
    H5Tset_ebias(type, 127)
    return type
}()
