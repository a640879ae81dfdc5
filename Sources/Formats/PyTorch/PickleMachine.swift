import Files
import Foundation

/// Carries out the instructions of a pickle: a stack, marks on it, and a memo of values that are used again.
struct PickleMachine {
    /// Estimated bytes that the stack, memo and containers may take together; a state dictionary of 10,000 tensors takes
    /// about 10 MB.
    static let memoryLimit = 48 << 20

    /// Where the instruction that is carried out begins: what errors name.
    private(set) var instruction = 0

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var stack: [PickleValue] = []
    /// Heights of the stack.
    private var marks: [Int] = []
    private var memo: [UInt32: PickleValue] = [:]
    private var memory = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Runs to the end, and gives what is left on the stack.
    mutating func run(building pickle: inout Pickle) throws -> PickleValue {
        while true {
            instruction = position
            let code = try byte()
            guard let operation = Opcode(rawValue: code) else { throw Self.unknown(code) }
            switch operation {
            case .stop:
                guard stack.count == 1, marks.isEmpty else {
                    throw PickleFault("the pickle ends with \(stack.count) values on its stack, expected 1")
                }
                return stack[0]
            case .proto:
                let version = try byte()
                guard (2...5).contains(version) else {
                    throw PickleFault("pickle protocol \(version), expected 2 to 5")
                }
            case .frame:
                let length = try integer(UInt64.self)
                guard length <= UInt64(bytes.count - position) else {
                    throw PickleFault("declares a frame of \(length) bytes, \(bytes.count - position) are left")
                }
            case .mark:
                try spend(Self.markCost)
                marks.append(stack.count)
            case .pop:
                if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
            case .popMark: _ = try popToMark()

            case .none: try push(.none)
            case .newTrue: try push(.bool(true))
            case .newFalse: try push(.bool(false))
            case .binInt: try push(.integer(Int(try integer(Int32.self))))
            case .binInt1: try push(.integer(Int(try byte())))
            case .binInt2: try push(.integer(Int(try integer(UInt16.self))))
            case .long1: try push(long(try slice(Int(try byte()))))
            case .long4: try push(long(try slice(length(try integer(Int32.self)))))
            case .binFloat:
                try push(.number(Double(bitPattern: UInt64(bigEndian: try integer(UInt64.self)))))

            case .shortBinUnicode: try push(.text(try slice(Int(try byte()))))
            case .binUnicode: try push(.text(try slice(length(try integer(UInt32.self)))))
            case .binUnicode8: try push(.text(try slice(length(try integer(UInt64.self)))))
            case .shortBinBytes: try push(.bytes(try slice(Int(try byte()))))
            case .binBytes: try push(.bytes(try slice(length(try integer(UInt32.self)))))
            case .binBytes8: try push(.bytes(try slice(length(try integer(UInt64.self)))))

            case .emptyTuple: try push(tuple([], &pickle))
            case .tuple1: try push(tuple(try pop(1), &pickle))
            case .tuple2: try push(tuple(try pop(2), &pickle))
            case .tuple3: try push(tuple(try pop(3), &pickle))
            case .tuple: try push(tuple(try popToMark(), &pickle))
            case .emptyList:
                try spend(Self.containerCost)
                pickle.lists.append([])
                try push(.list(pickle.lists.count - 1))
            case .append: try append(try pop(1), &pickle)
            case .appends: try append(try popToMark(), &pickle)
            case .emptyDict: try push(newDictionary(&pickle))
            case .setItem: try set(try pop(2), &pickle)
            case .setItems: try set(try popToMark(), &pickle)

            case .binPut: try remember(UInt32(try byte()))
            case .longBinPut: try remember(try integer(UInt32.self))
            case .memoize: try remember(UInt32(clamping: memo.count))
            case .binGet: try push(recall(UInt32(try byte())))
            case .longBinGet: try push(recall(try integer(UInt32.self)))

            case .global: try push(.global(global(module: try line(), name: try line())))
            case .stackGlobal:
                let parts = try pop(2)
                guard case .text(let module) = parts[0], case .text(let name) = parts[1] else {
                    throw PickleFault("refers to something by a name that is not text")
                }
                try push(.global(global(module: module, name: name)))
            case .binPersID:
                let identifier = try pop()
                try spend(Self.containerCost)
                try push(pickle.storage(identifier))
            case .reduce, .newObject:
                let parts = try pop(2)
                let built = try pickle.build(parts[0], parts[1])
                try spend(Self.containerCost)
                if case .tensor(let index) = built { try spend(pickle.tensors[index].memory) }
                try push(built)
            case .build:
                // Attributes beside the contents: `_metadata` of a state dictionary. Nothing here has a use for them.
                _ = try pop()
                guard case .dictionary? = stack.last else {
                    throw PickleFault("sets attributes of something that is not a dictionary")
                }
            }
        }
    }

    // MARK: The stack

    /// A value on the stack or in a container, with the room that growing arrays keep.
    private static let valueCost = 3 * MemoryLayout<PickleValue>.stride
    private static let markCost = 3 * MemoryLayout<Int>.stride
    private static let containerCost = 64
    private static let memoCost = 4 * MemoryLayout<PickleValue>.stride

    private mutating func spend(_ bytes: Int) throws {
        memory += bytes
        guard memory <= Self.memoryLimit else {
            throw PickleFault(
                "the pickle takes more than \(Self.memoryLimit >> 20) MiB of memory",
                remedy: "save the state dictionary alone: torch.save(model.state_dict(), FILE)")
        }
    }

    private mutating func push(_ value: PickleValue) throws {
        try spend(Self.valueCost)
        stack.append(value)
    }

    private mutating func pop() throws -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
            throw PickleFault("takes a value from an empty stack")
        }
        return value
    }

    private mutating func pop(_ count: Int) throws -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else {
            throw PickleFault("takes \(count) values from a stack of \(stack.count - (marks.last ?? 0))")
        }
        let values = Array(stack.suffix(count))
        stack.removeLast(count)
        return values
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw PickleFault("looks for a mark, and none was set") }
        let values = Array(stack[mark...])
        stack.removeLast(values.count)
        return values
    }

    private mutating func remember(_ index: UInt32) throws {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw PickleFault("remembers a value, and the stack is empty")
        }
        try spend(Self.memoCost)
        memo[index] = value
    }

    private func recall(_ index: UInt32) throws -> PickleValue {
        guard let value = memo[index] else { throw PickleFault("recalls the value \(index), which was never set") }
        return value
    }

    // MARK: Containers

    private mutating func tuple(_ values: [PickleValue], _ pickle: inout Pickle) throws -> PickleValue {
        try spend(Self.containerCost + values.count * Self.valueCost)
        pickle.tuples.append(values)
        return .tuple(pickle.tuples.count - 1)
    }

    private mutating func newDictionary(_ pickle: inout Pickle) throws -> PickleValue {
        try spend(Self.containerCost)
        pickle.dictionaries.append([])
        return .dictionary(pickle.dictionaries.count - 1)
    }

    private mutating func append(_ values: [PickleValue], _ pickle: inout Pickle) throws {
        guard case .list(let index)? = stack.last else { throw PickleFault("appends to something that is not a list") }
        try spend(values.count * Self.valueCost)
        pickle.lists[index] += values
    }

    private mutating func set(_ values: [PickleValue], _ pickle: inout Pickle) throws {
        guard case .dictionary(let index)? = stack.last else {
            throw PickleFault("sets a key of something that is not a dictionary")
        }
        guard values.count.isMultiple(of: 2) else { throw PickleFault("sets a key without a value") }
        try spend(values.count * Self.valueCost)
        for start in stride(from: 0, to: values.count, by: 2) {
            pickle.dictionaries[index].append((values[start], values[start + 1]))
        }
    }

    // MARK: Reading

    private mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw PickleFault("the pickle does not end: it is cut off") }
        position += 1
        return bytes[position - 1]
    }

    /// A little-endian integer.
    private mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _: Integer.Type
    ) throws -> Integer {
        let range = try slice(MemoryLayout<Integer>.size)
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Integer.self))
    }

    private func length(_ declared: some FixedWidthInteger) throws -> Int {
        guard let length = Int(exactly: declared), length >= 0 else {
            throw PickleFault("declares a length of \(declared) bytes")
        }
        return length
    }

    private mutating func slice(_ length: Int) throws -> Range<Int> {
        guard length <= bytes.count - position else {
            throw PickleFault("declares \(length) bytes, \(bytes.count - position) are left")
        }
        position += length
        return position - length..<position
    }

    /// Little-endian two's complement of any length.
    private func long(_ range: Range<Int>) -> PickleValue {
        guard range.count <= 8 else { return .longInteger(bytes: range.count) }
        var value: UInt64 = 0
        for (shift, byte) in bytes[range].enumerated() { value |= UInt64(byte) << UInt64(8 * shift) }
        let unused = UInt64(64 - 8 * range.count)
        return .integer(range.isEmpty ? 0 : Int(Int64(bitPattern: value << unused) >> Int64(unused)))
    }

    private mutating func line() throws -> Range<Int> {
        let start = position
        while try byte() != UInt8(ascii: "\n") {}
        return start..<position - 1
    }

    // MARK: Names

    private func global(module: Range<Int>, name: Range<Int>) throws -> PickleGlobal {
        let (module, name) = (shown(module), shown(name))
        guard let known = PickleGlobal(module: module, name: name) else {
            throw PickleFault(
                "holds a reference to `\(module).\(name)`: nothing in a checkpoint may run code, and only tensors and "
                    + "plain values are read; refused",
                remedy: "if you trust the file, load it with PyTorch and save the state dictionary alone: "
                    + "torch.save(model.state_dict(), FILE)")
        }
        return known
    }

    /// The text as it can be printed: what is odd escaped, what is long cut.
    private func shown(_ range: Range<Int>) -> String {
        let text = String(decoding: bytes[range.prefix(200)], as: UTF8.self)
        let escaped = text.unicodeScalars.map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "._-<> ".unicodeScalars.contains(scalar)
                ? String(scalar) : scalar.escaped(asASCII: true)
        }.joined()
        return range.count > 200 ? escaped + "…" : escaped
    }

    private static func unknown(_ code: UInt8) -> PickleFault {
        let shown = (0x21..<0x7F).contains(code) ? " ('\(Unicode.Scalar(code))')" : ""
        return PickleFault(
            "the instruction 0x\(String(code, radix: 16))\(shown) is none that torch.save writes for a state dictionary; "
                + "refused")
    }
}

extension PickleMachine {
    /// The instructions that are known, by their codes.
    private enum Opcode: UInt8 {
        case mark = 0x28  // (
        case stop = 0x2E  // .
        case pop = 0x30  // 0
        case popMark = 0x31  // 1
        case binInt = 0x4A  // J
        case binInt1 = 0x4B  // K
        case binInt2 = 0x4D  // M
        case none = 0x4E  // N
        case binPersID = 0x51  // Q
        case reduce = 0x52  // R
        case binUnicode = 0x58  // X
        case append = 0x61  // a
        case build = 0x62  // b
        case global = 0x63  // c
        case emptyDict = 0x7D  // }
        case appends = 0x65  // e
        case binFloat = 0x47  // G
        case binGet = 0x68  // h
        case longBinGet = 0x6A  // j
        case emptyList = 0x5D  // ]
        case binPut = 0x71  // q
        case longBinPut = 0x72  // r
        case setItem = 0x73  // s
        case tuple = 0x74  // t
        case emptyTuple = 0x29  // )
        case setItems = 0x75  // u
        case proto = 0x80
        case newObject = 0x81
        case tuple1 = 0x85
        case tuple2 = 0x86
        case tuple3 = 0x87
        case newTrue = 0x88
        case newFalse = 0x89
        case long1 = 0x8A
        case long4 = 0x8B
        case binBytes = 0x42  // B
        case shortBinBytes = 0x43  // C
        case shortBinUnicode = 0x8C
        case binUnicode8 = 0x8D
        case binBytes8 = 0x8E
        case stackGlobal = 0x93
        case memoize = 0x94
        case frame = 0x95
    }
}
