import Files

/// Which of a pickle's tensors are the model's, and their names.
struct StateDictionary {
    /// Names with indices into the pickle's `tensors`.
    private(set) var tensors: [(name: String, index: Int)] = []
    private(set) var metadata: [(name: String, value: String)] = []
    private(set) var leftOut: [String] = []
    private(set) var key: String?

    private let pickle: Pickle
    private let file: String
    private var names: Set<String> = []
    private var visited: Set<Int> = []

    /// Where training scripts put the state dictionary when they save more than that.
    private static let keys = ["state_dict", "model_state_dict", "model"]
    /// Deeper nesting is not a model that anyone wrote.
    private static let deepest = 32

    /// - Throws: `InputError` if there are no tensors, two of one name, or the dictionaries hold each other.
    init(_ pickle: Pickle, file: String) throws {
        self.pickle = pickle
        self.file = file
        guard case .dictionary(let top) = pickle.root else {
            throw problem("", "holds \(Self.kind(pickle.root)), expected a dictionary of tensors")
        }
        let members = pickle.dictionaries[top]
        let isState = members.contains { if case .tensor = $0.value { true } else { false } }
        let nested = Self.keys.lazy.compactMap { key in
            members.last { pickle.text($0.key) == key }.flatMap { member -> (String, Int)? in
                if case .dictionary(let index) = member.value { (key, index) } else { nil }
            }
        }.first
        key = isState ? nil : nested?.0
        if let nested, !isState {
            try collect(nested.1, prefix: "", depth: 0)
        } else {
            try collect(top, prefix: "", depth: 0)
        }
        guard !tensors.isEmpty else {
            throw problem(key ?? "", "holds no tensors")
        }
        for (name, value) in members { describe(try self.name(name), value) }
    }

    private mutating func collect(_ dictionary: Int, prefix: String, depth: Int) throws {
        guard depth < Self.deepest else { throw problem(prefix, "nested deeper than \(Self.deepest) dictionaries") }
        guard visited.insert(dictionary).inserted else {
            throw problem(prefix, "the same dictionary stands in two places")
        }
        for (key, value) in pickle.dictionaries[dictionary] {
            let name = prefix + (try name(key))
            switch value {
            case .tensor(let index):
                guard names.insert(name).inserted else { throw problem(name, "two tensors have this name") }
                tensors.append((name, index))
            case .dictionary(let index): try collect(index, prefix: name + ".", depth: depth + 1)
            default: break
            }
        }
    }

    /// Notes a member of the top-level dictionary that is not part of the model.
    private mutating func describe(_ name: String, _ value: PickleValue) {
        switch value {
        case .bool(let value): metadata.append((name, "\(value)"))
        case .integer(let value): metadata.append((name, "\(value)"))
        case .number(let value): metadata.append((name, "\(value)"))
        case .longInteger(let bytes): metadata.append((name, "an integer of \(bytes) bytes"))
        case .text:
            if let text = pickle.text(value) { metadata.append((name, text)) } else { leftOut.append(name) }
        case .dictionary(let index) where visited.contains(index): break
        case .none, .tensor: break
        default: leftOut.append(name)
        }
    }

    private func name(_ key: PickleValue) throws -> String {
        if let text = pickle.text(key) { return text }
        if case .integer(let number) = key { return "\(number)" }
        throw problem("", "a dictionary has \(Self.kind(key)) as a key, expected UTF-8 text")
    }

    private func problem(_ name: String, _ problem: String) -> InputError {
        InputError(
            file: file, field: name.isEmpty ? "data.pkl" : name, problem: problem,
            remedy: "in Python: torch.save(model.state_dict(), FILE)")
    }

    private static func kind(_ value: PickleValue) -> String {
        switch value {
        case .none: "None"
        case .bool: "a truth value"
        case .integer, .longInteger, .number: "a number"
        case .text: "text"
        case .bytes: "bytes"
        case .tuple, .list: "a list"
        case .dictionary: "a dictionary"
        case .global, .storage: "part of a tensor"
        case .tensor: "a single tensor"
        }
    }
}
