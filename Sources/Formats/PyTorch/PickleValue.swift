/// What a pickle's instructions leave on the stack. Containers and texts are references into their `Pickle`, so that
/// values are small, share without copying, and never form a tree that has to be walked to be freed.
enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer of more than 64 bits, by its length in bytes: nothing here has a use for it.
    case longInteger(bytes: Int)
    case number(Double)
    /// Where the text lies in the pickle.
    case text(Range<Int>)
    case bytes(Range<Int>)
    /// Index into `tuples`.
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)
}

/// The only names that a pickle may refer to. None of them is ever called: each stands for what its few uses build.
enum PickleGlobal: Equatable, Sendable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case size
    case storage(ElementType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("torch", "DoubleStorage"): self = .storage(.float64)
        case ("torch", "FloatStorage"): self = .storage(.float32)
        case ("torch", "HalfStorage"): self = .storage(.float16)
        case ("torch", "BFloat16Storage"): self = .storage(.bfloat16)
        case ("torch", "LongStorage"): self = .storage(.int64)
        case ("torch", "IntStorage"): self = .storage(.int32)
        case ("torch", "ShortStorage"): self = .storage(.int16)
        case ("torch", "CharStorage"): self = .storage(.int8)
        case ("torch", "ByteStorage"): self = .storage(.uint8)
        case ("torch", "BoolStorage"): self = .storage(.bool)
        default: return nil
        }
    }
}

/// What a persistent reference of a pickle says about a file of the archive. Nothing of it is checked yet.
struct PickleStorage: Sendable {
    var type: ElementType
    /// The last part of the file's name.
    var key: String
    /// In elements.
    var count: Int
}

/// A view of a storage, as the pickle declares it. Nothing of it is checked yet but that the numbers are integers.
struct PickleTensor: Sendable {
    /// Index into `storages`.
    var storage: Int
    /// In elements, as are the strides.
    var offset: Int
    var shape: [Int]
    var strides: [Int]

    /// Bytes that the shape and strides take, and the arrays' own heads.
    var memory: Int { 2 * 48 + (shape.count + strides.count) * MemoryLayout<Int>.size }
}
