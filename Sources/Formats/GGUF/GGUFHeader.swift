import Files
import Foundation

/// The part of a GGUF file before the tensors' bytes: counts, metadata, and what each tensor is.
///
/// Reads front to back and trusts nothing: every length is compared with the bytes that are left before it is used.
struct GGUFHeader {
    struct Entry {
        var name: String
        var type: ElementType
        /// Row-major: the last extent is the one whose elements are neighbours.
        var shape: [Int]
        /// From the first byte after the header, padded to the alignment.
        var offset: UInt64
    }

    private(set) var metadata: [(key: String, value: GGUFValue)] = []
    private(set) var entries: [Entry] = []
    /// Bytes of the header, without padding.
    var length: Int { position }

    private let data: Data
    private let source: UnsafeRawBufferPointer
    private let file: String
    private var position = 0
    /// What is being read: the key or tensor, for errors.
    private var field: String?

    private static let version = 3
    /// Models have thousands of either at most; each costs some hundred bytes of memory, but only 13 or 24 of the file.
    private static let mostEntries = 1 << 16
    private static let mostExtents = 4
    private static let remedy = "download or convert the file again"

    /// - Parameters:
    ///   - data: the file; arrays keep slices of it.
    ///   - source: its bytes.
    ///   - file: named in errors.
    init(parsing data: Data, _ source: UnsafeRawBufferPointer, file: String) throws {
        self.data = data
        self.source = source
        self.file = file
        try readVersion()
        let tensorCount = try readCount("tensors", smallest: 24)
        let keyCount = try readCount("metadata keys", smallest: 13)
        var names: Set<String> = []
        for index in 0..<keyCount {
            field = "metadata key \(index)"
            let key = try string()
            field = key
            guard names.insert(key).inserted else { throw problem("the key is given twice") }
            metadata.append((key, try value()))
        }
        names = []
        for index in 0..<tensorCount {
            field = "tensor \(index)"
            let name = try string()
            field = name
            guard names.insert(name).inserted else { throw problem("two tensors have this name") }
            entries.append(try entry(name))
        }
    }

    private mutating func readVersion() throws {
        guard source.starts(with: "GGUF".utf8) else {
            throw InputError(file: file, problem: "not a GGUF file: it does not begin with GGUF")
        }
        position = 4
        field = "version"
        let version = try load(UInt32.self)
        guard version != Self.version else { return }
        throw InputError(
            file: file, field: field,
            problem: version.byteSwapped == Self.version
                ? "the file is big-endian, only little-endian ones are read"
                : "GGUF version \(version), only version \(Self.version) is read",
            remedy: "convert the model again with a current converter, for a little-endian machine")
    }

    /// A declared number of things, each at least `smallest` bytes long.
    private mutating func readCount(_ things: String, smallest: Int) throws -> Int {
        field = "number of \(things)"
        let declared = try load(UInt64.self)
        guard declared <= UInt64((source.count - position) / smallest) else {
            throw problem("the file declares \(declared) \(things), more than its \(source.count) bytes can hold")
        }
        guard declared <= Self.mostEntries else {
            throw problem("the file declares \(declared) \(things), at most \(Self.mostEntries) are read")
        }
        return Int(declared)
    }

    private mutating func value() throws -> GGUFValue {
        let code = try load(UInt32.self)
        if code == 9 { return .array(try array()) }
        switch GGUFArray.Element(rawValue: code) {
        case .uint8: return .unsigned(UInt64(try load(UInt8.self)))
        case .uint16: return .unsigned(UInt64(try load(UInt16.self)))
        case .uint32: return .unsigned(UInt64(try load(UInt32.self)))
        case .uint64: return .unsigned(try load(UInt64.self))
        case .int8: return .signed(Int64(try load(Int8.self)))
        case .int16: return .signed(Int64(try load(Int16.self)))
        case .int32: return .signed(Int64(try load(Int32.self)))
        case .int64: return .signed(try load(Int64.self))
        case .float32: return .float32(try load(Float.self))
        case .float64: return .float64(try load(Double.self))
        case .string: return .string(try string())
        case .bool:
            let byte = try load(UInt8.self)
            guard byte <= 1 else { throw problem("a truth value must be 0 or 1, found \(byte)") }
            return .bool(byte == 1)
        case nil: throw problem("the value type \(code) does not exist")
        }
    }

    private mutating func array() throws -> GGUFArray {
        let code = try load(UInt32.self)
        guard let elements = GGUFArray.Element(rawValue: code) else {
            throw problem(
                code == 9 ? "an array of arrays is not read" : "the value type \(code) of its elements does not exist")
        }
        let declared = try load(UInt64.self)
        guard declared <= UInt64((source.count - position) / elements.size) else {
            throw problem(
                "the array declares \(declared) elements, more than the file's \(source.count) bytes can hold")
        }
        let start = position
        switch elements {
        case .string:
            for _ in 0..<declared { _ = try stringRange() }
        case .bool:
            position += Int(declared)
            guard source[start..<position].allSatisfy({ $0 <= 1 }) else {
                throw problem("a truth value must be 0 or 1")
            }
        default: position += Int(declared) * elements.size
        }
        return GGUFArray(
            elements: elements, count: Int(declared), bytes: data[data.startIndex + start..<data.startIndex + position])
    }

    private mutating func entry(_ name: String) throws -> Entry {
        let rank = try load(UInt32.self)
        guard rank <= Self.mostExtents else {
            throw problem("the tensor has \(rank) extents, at most \(Self.mostExtents) are read")
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            let extent = try load(UInt64.self)
            guard let extent = Int(exactly: extent) else {
                throw problem("the extent \(extent) is too large to be real")
            }
            shape.insert(extent, at: 0)
        }
        let code = try load(UInt32.self)
        guard let type = GGMLType.elementType(code) else {
            throw problem(
                "\(GGMLType.name(code)) is not read",
                remedy: "convert the model to F16, Q8_0, Q6_K, Q4_K or Q4_0 … Q5_1")
        }
        return Entry(name: name, type: type, shape: shape, offset: try load(UInt64.self))
    }

    private mutating func string() throws -> String {
        let range = try stringRange()
        guard let string = String(validating: source[range], as: UTF8.self) else {
            throw problem("a string is not UTF-8")
        }
        return string
    }

    /// Passes a string and says where its bytes are.
    private mutating func stringRange() throws -> Range<Int> {
        let declared = try load(UInt64.self)
        guard declared <= UInt64(source.count - position) else {
            throw problem("a string of \(declared) bytes, \(source.count - position) are left in the file")
        }
        position += Int(declared)
        return position - Int(declared)..<position
    }

    private mutating func load<Value: BitwiseCopyable>(_: Value.Type) throws -> Value {
        guard source.count - position >= MemoryLayout<Value>.size else { throw problem("the file ends here") }
        defer { position += MemoryLayout<Value>.size }
        return source.loadUnaligned(fromByteOffset: position, as: Value.self)
    }

    private func problem(_ problem: String, remedy: String = remedy) -> InputError {
        InputError(file: file, field: field, problem: "header byte \(position): \(problem)", remedy: remedy)
    }
}
