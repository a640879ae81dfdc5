import Files

/// The JSON header of a safetensors file, read by a parser that accepts this grammar and nothing else.
///
/// A general JSON reader keeps one of two equal keys in silence; here a name given twice is an error, nesting cannot run
/// away, and every problem names its byte.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var type: ElementType
        var shape: [Int]
        var offsets: Range<Int>
    }

    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]

    /// Models have thousands of tensors at most, with a few extents each; every one costs more memory than header.
    private static let mostEntries = 1 << 16
    private static let mostExtents = 32

    private let text: UnsafeRawBufferPointer
    private let file: String
    private var position = 0
    /// The tensor that is being read, for errors.
    private var tensor: String?

    /// - Parameters:
    ///   - text: the header's bytes; byte 8 of the file is the first.
    ///   - file: named in errors.
    init(parsing text: UnsafeRawBufferPointer, file: String) throws {
        self.text = text
        self.file = file
        var names: Set<String> = []
        try object { parser, name in
            guard names.insert(name).inserted else {
                throw parser.problem("the name is given twice", field: name)
            }
            if name == "__metadata__" {
                try parser.object { parser, key in
                    guard parser.metadata[key] == nil else {
                        throw parser.problem("the key is given twice", field: key)
                    }
                    guard parser.metadata.count < Self.mostEntries else {
                        throw parser.problem("more than \(Self.mostEntries) keys are not read", field: name)
                    }
                    parser.metadata[key] = try parser.string()
                }
            } else {
                guard parser.entries.count < Self.mostEntries else {
                    throw parser.problem("more than \(Self.mostEntries) tensors are not read", field: name)
                }
                parser.tensor = name
                let entry = try parser.entry(name)
                parser.tensor = nil
                parser.entries.append(entry)
            }
        }
        skipSpace()
        guard position == text.count else { throw problem("found text after the header's last brace") }
    }

    private mutating func entry(_ name: String) throws -> Entry {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try object { parser, key in
            switch key {
            case "dtype" where type == nil:
                let found = try parser.string()
                guard let known = ElementType(rawValue: found), known.elementsPerBlock == 1 else {
                    let known = ElementType.plain.map(\.rawValue).joined(separator: ", ")
                    throw parser.problem(
                        "the element type '\(found)' is not supported", field: name,
                        remedy: "convert to one of \(known)")
                }
                type = known
            case "shape" where shape == nil: shape = try parser.integers()
            case "data_offsets" where offsets == nil: offsets = try parser.integers()
            default:
                throw parser.problem(
                    "expected dtype, shape and data_offsets, each once, found '\(key)'", field: name)
            }
        }
        guard let type, let shape, let offsets else {
            throw problem("expected dtype, shape and data_offsets, one is missing", field: name)
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw problem("data_offsets must be [begin, end], found \(offsets)", field: name)
        }
        return Entry(name: name, type: type, shape: shape, offsets: offsets[0]..<offsets[1])
    }

    /// Reads `{"key": value, …}`; `member` reads each value.
    private mutating func object(_ member: (inout SafetensorsHeader, String) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(&self, key)
        } while take(",")
        try expect("}")
    }

    private mutating func integers() throws -> [Int] {
        var values: [Int] = []
        try expect("[")
        if take("]") { return values }
        repeat {
            skipSpace()
            let start = position
            var value = 0
            while position < text.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = text[position] {
                let (tens, first) = value.multipliedReportingOverflow(by: 10)
                let (sum, second) = tens.addingReportingOverflow(Int(text[position] - UInt8(ascii: "0")))
                guard !first, !second else { throw problem("the number is too large") }
                value = sum
                position += 1
            }
            guard position > start else { throw problem("expected a whole number, 0 or more") }
            guard values.count < Self.mostExtents else {
                throw problem("more than \(Self.mostExtents) extents are not read")
            }
            values.append(value)
        } while take(",")
        try expect("]")
        return values
    }

    private mutating func string() throws -> String {
        try expect("\"")
        var bytes: [UInt8] = []
        while position < text.count {
            let byte = text[position]
            if byte == UInt8(ascii: "\\") {
                bytes.append(contentsOf: String(try escape()).utf8)
                continue
            }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let decoded = String(validating: bytes, as: UTF8.self) else {
                    throw problem("the string is not UTF-8")
                }
                return decoded
            case 0..<0x20: throw problem("found a control character in a string")
            default: bytes.append(byte)
            }
        }
        throw problem("the string does not end")
    }

    private mutating func escape() throws -> Unicode.Scalar {
        do {
            return try JSONString.escape(in: text, at: &position)
        } catch {
            throw problem(error.problem)
        }
    }

    private mutating func skipSpace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw problem("expected \(character)") }
    }

    private func problem(_ problem: String, field: String? = nil, remedy: String? = nil) -> InputError {
        InputError(
            file: file, field: field ?? tensor, problem: "header byte \(position + 8): \(problem)", remedy: remedy)
    }
}
