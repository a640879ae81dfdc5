import Files

/// The number format of a stored tensor: plain elements as safetensors names them, block formats as ggml names them.
public enum ElementType: String, Codable, CaseIterable, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"
    case q80 = "Q8_0"
    case q51 = "Q5_1"
    case q50 = "Q5_0"
    case q41 = "Q4_1"
    case q40 = "Q4_0"
    case q6K = "Q6_K"
    case q4K = "Q4_K"

    /// The types whose elements stand alone, without scales that they share.
    static let plain = allCases.filter { $0.elementsPerBlock == 1 }

    /// Whether the elements are whole numbers or truth values.
    public var isInteger: Bool {
        switch self {
        case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: true
        case .float64, .float32, .float16, .bfloat16, .q80, .q51, .q50, .q41, .q40, .q6K, .q4K: false
        }
    }

    /// Bytes per block: of one element, or of as many as a block format puts together.
    public var size: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        case .q80: 2 + 32
        case .q51: 2 + 2 + 4 + 16
        case .q50: 2 + 4 + 16
        case .q41: 2 + 2 + 16
        case .q40: 2 + 16
        case .q6K: 128 + 64 + 16 + 2
        case .q4K: 2 + 2 + 12 + 128
        }
    }

    /// Neighbours in a row that share a scale; 1 for plain elements.
    public var elementsPerBlock: Int {
        switch self {
        case .float64, .float32, .float16, .bfloat16, .bool: 1
        case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8: 1
        case .q80, .q51, .q50, .q41, .q40: 32
        case .q6K, .q4K: 256
        }
    }

    /// Bytes of a tensor of this type, or nil where an extent is negative, a row is no multiple of the block, or the
    /// product exceeds `Int`.
    func byteCount(shape: [Int]) -> Int? {
        guard fillsRows(shape) else { return nil }
        var count = size
        for (axis, extent) in shape.enumerated() {
            let blocks = axis == shape.count - 1 ? extent / elementsPerBlock : extent
            let (product, overflows) = count.multipliedReportingOverflow(by: blocks)
            guard extent >= 0, !overflows else { return nil }
            count = product
        }
        return count
    }

    /// Says why a tensor of that shape has no `byteCount`.
    func impossible(shape: [Int]) -> InputError {
        InputError(
            problem: fillsRows(shape)
                ? "the shape \(shape) of \(rawValue) is negative or too large to be real"
                : "the rows of the shape \(shape) are not whole blocks of \(elementsPerBlock) elements of \(rawValue)")
    }

    /// Always so for plain elements.
    private func fillsRows(_ shape: [Int]) -> Bool {
        (shape.last ?? 1).isMultiple(of: elementsPerBlock)
    }
}
