import Files
import Foundation

/// A metadata array of a GGUF file: a slice of the mapping, whose elements become Swift values when they are asked for.
///
/// The lengths of its strings were checked when the file was opened; whether they are UTF-8 is checked here.
public struct GGUFArray: Sendable {
    /// The types of elements, with their numbers in the file.
    enum Element: UInt32, Sendable {
        case uint8, int8, uint16, int16, uint32, int32, float32, bool, string
        case uint64 = 10
        case int64, float64

        /// Bytes of an element; of a string, those of its length.
        var size: Int {
            switch self {
            case .uint8, .int8, .bool: 1
            case .uint16, .int16: 2
            case .uint32, .int32, .float32: 4
            case .string, .uint64, .int64, .float64: 8
            }
        }

        var plural: String {
            switch self {
            case .string: "strings"
            case .bool: "truth values"
            case .float32, .float64: "numbers"
            case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: "integers"
            }
        }
    }

    let elements: Element
    public let count: Int
    /// The elements as the file has them, complete.
    let bytes: Data

    /// More than this is no vocabulary; as strings it would take several times the file's size.
    private static let mostElements = 1 << 20

    /// - Throws: `InputError` if the elements are not strings, are too many, or one is not UTF-8.
    public func strings() throws -> [String] {
        try strings(first: try decodable())
    }

    /// - Throws: `InputError` if the elements are not whole numbers, are too many, or one lies outside `Int`.
    public func integers() throws -> [Int] {
        try integers(first: try decodable())
    }

    /// The elements, those beyond 2⁵³ rounded to the nearest `Double`.
    ///
    /// - Throws: `InputError` if the elements are not numbers, or are too many.
    public func numbers() throws -> [Double] {
        try numbers(first: try decodable())
    }

    /// - Throws: `InputError` if the elements are not truth values, or are too many.
    public func bools() throws -> [Bool] {
        guard elements == .bool else { throw unexpected("truth values") }
        return load(UInt8.self, try decodable()) { $0 != 0 }
    }

    private func decodable() throws -> Int {
        guard count <= Self.mostElements else {
            throw InputError(problem: "has \(count) elements, at most \(Self.mostElements) are read")
        }
        return count
    }

    private func strings(first number: Int) throws -> [String] {
        guard elements == .string else { throw unexpected("strings") }
        return try bytes.withUnsafeBytes { source in
            var strings: [String] = []
            strings.reserveCapacity(number)
            var position = 0
            for index in 0..<number {
                let length = Int(source.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let content = UnsafeRawBufferPointer(rebasing: source[position + 8..<position + 8 + length])
                guard let string = String(validating: content, as: UTF8.self) else {
                    throw InputError(problem: "element \(index) is not UTF-8")
                }
                strings.append(string)
                position += 8 + length
            }
            return strings
        }
    }

    private func integers(first number: Int) throws -> [Int] {
        switch elements {
        case .uint8: return load(UInt8.self, number) { Int($0) }
        case .int8: return load(Int8.self, number) { Int($0) }
        case .uint16: return load(UInt16.self, number) { Int($0) }
        case .int16: return load(Int16.self, number) { Int($0) }
        case .uint32: return load(UInt32.self, number) { Int($0) }
        case .int32: return load(Int32.self, number) { Int($0) }
        case .int64: return load(Int64.self, number) { Int($0) }
        case .uint64:
            let stored = load(UInt64.self, number) { $0 }
            if let index = stored.firstIndex(where: { $0 > UInt64(Int.max) }) {
                throw InputError(problem: "element \(index) is \(stored[index]), beyond Int64")
            }
            return stored.map { Int($0) }
        case .float32, .float64, .bool, .string: throw unexpected("integers")
        }
    }

    private func numbers(first number: Int) throws -> [Double] {
        switch elements {
        case .float32: load(Float.self, number) { Double($0) }
        case .float64: load(Double.self, number) { $0 }
        case .uint64: load(UInt64.self, number) { Double($0) }
        case .bool, .string: throw unexpected("numbers")
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64: try integers(first: number).map { Double($0) }
        }
    }

    private func load<Stored: BitwiseCopyable, Value>(
        _: Stored.Type, _ number: Int, _ convert: (Stored) -> Value
    ) -> [Value] {
        bytes.withUnsafeBytes { source in
            (0..<number).map { index in
                convert(source.loadUnaligned(fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self))
            }
        }
    }

    private func unexpected(_ expected: String) -> InputError {
        InputError(problem: "expected an array of \(expected), found one of \(count) \(elements.plural)")
    }
}

extension GGUFArray: CustomStringConvertible {
    /// The count and the first three elements: `[49152 strings] "<|endoftext|>", "<|im_start|>", "<|im_end|>", …`
    public var description: String {
        let number = min(count, 3)
        let shown: [String]
        do {
            switch elements {
            case .string: shown = try strings(first: number).map { "\"\($0)\"" }
            case .bool: shown = load(UInt8.self, number) { $0 != 0 ? "true" : "false" }
            case .float32: shown = load(Float.self, number) { "\($0)" }
            case .float64: shown = load(Double.self, number) { "\($0)" }
            case .uint64: shown = load(UInt64.self, number) { "\($0)" }
            case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64:
                shown = try integers(first: number).map { "\($0)" }
            }
        } catch {
            return "[\(count) \(elements.plural)] not read: \((error as? InputError)?.problem ?? "\(error)")"
        }
        let list = (shown + (count > number ? ["…"] : [])).joined(separator: ", ")
        return "[\(count) \(elements.plural)]\(list.isEmpty ? "" : " ")\(list)"
    }
}
