import Files
import Foundation

/// Carries out the instructions of a pickle: a stack, marks on it, and a memo of values that are used again.
struct PickleMachine {
    /// Estimated bytes that the stack, memo and containers may take together; a state dictionary of 10,000 tensors takes
    /// about 10 MB.
    static let memoryLimit = 48 << 20

    /// Where the instruction that is carried out begins: what errors name.
    private(set) var instruction = 0

    private var bytes: PickleBytes
    private var stack: [PickleValue] = []
    /// Heights of the stack.
    private var marks: [Int] = []
    private var memo: [UInt32: PickleValue] = [:]
    private var memory = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = PickleBytes(bytes)
    }

    /// Runs to the end, and gives what is left on the stack.
    mutating func run(building pickle: inout Pickle) throws -> PickleValue {
        while true {
            instruction = bytes.position
            let code = try bytes.byte()
            guard let operation = PickleInstruction(rawValue: code) else { throw Self.unknown(code) }
            switch operation {
            case .stop:
                guard stack.count == 1, marks.isEmpty else {
                    throw PickleFault("the pickle ends with \(stack.count) values on its stack, expected 1")
                }
                return stack[0]
            case .proto:
                let version = try bytes.byte()
                guard (2...5).contains(version) else {
                    throw PickleFault("pickle protocol \(version), expected 2 to 5")
                }
            case .frame:
                let length = try bytes.integer(UInt64.self)
                guard length <= UInt64(bytes.left) else {
                    throw PickleFault("declares a frame of \(length) bytes, \(bytes.left) are left")
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
            case .binInt: try push(.integer(Int(try bytes.integer(Int32.self))))
            case .binInt1: try push(.integer(Int(try bytes.byte())))
            case .binInt2: try push(.integer(Int(try bytes.integer(UInt16.self))))
            case .long1: try push(bytes.long(try bytes.slice(Int(try bytes.byte()))))
            case .long4: try push(bytes.long(try bytes.slice(bytes.length(try bytes.integer(Int32.self)))))
            case .binFloat:
                try push(.number(Double(bitPattern: UInt64(bigEndian: try bytes.integer(UInt64.self)))))

            case .shortBinUnicode: try push(.text(try bytes.slice(Int(try bytes.byte()))))
            case .binUnicode: try push(.text(try bytes.slice(bytes.length(try bytes.integer(UInt32.self)))))
            case .binUnicode8: try push(.text(try bytes.slice(bytes.length(try bytes.integer(UInt64.self)))))
            case .shortBinBytes: try push(.bytes(try bytes.slice(Int(try bytes.byte()))))
            case .binBytes: try push(.bytes(try bytes.slice(bytes.length(try bytes.integer(UInt32.self)))))
            case .binBytes8: try push(.bytes(try bytes.slice(bytes.length(try bytes.integer(UInt64.self)))))

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

            case .binPut: try remember(UInt32(try bytes.byte()))
            case .longBinPut: try remember(try bytes.integer(UInt32.self))
            case .memoize: try remember(UInt32(clamping: memo.count))
            case .binGet: try push(recall(UInt32(try bytes.byte())))
            case .longBinGet: try push(recall(try bytes.integer(UInt32.self)))

            case .global: try push(.global(global(module: try bytes.line(), name: try bytes.line())))
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

    // MARK: Names

    private func global(module: Range<Int>, name: Range<Int>) throws -> PickleGlobal {
        let (module, name) = (bytes.shown(module), bytes.shown(name))
        guard let known = PickleGlobal(module: module, name: name) else {
            throw PickleFault(
                "holds a reference to `\(module).\(name)`: nothing in a checkpoint may run code, and only tensors and "
                    + "plain values are read; refused",
                remedy: "if you trust the file, load it with PyTorch and save the state dictionary alone: "
                    + "torch.save(model.state_dict(), FILE)")
        }
        return known
    }

    private static func unknown(_ code: UInt8) -> PickleFault {
        let shown = (0x21..<0x7F).contains(code) ? " ('\(Unicode.Scalar(code))')" : ""
        return PickleFault(
            "the instruction 0x\(String(code, radix: 16))\(shown) is none that torch.save writes for a state dictionary; "
                + "refused")
    }
}
