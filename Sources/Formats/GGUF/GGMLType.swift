/// The numbers that ggml gives its tensor types (`enum ggml_type` in ggml.h).
enum GGMLType {
    /// The element type of that number, or nil if it is not read.
    static func elementType(_ code: UInt32) -> ElementType? {
        switch code {
        case 0: .float32
        case 1: .float16
        case 2: .q40
        case 3: .q41
        case 6: .q50
        case 7: .q51
        case 8: .q80
        case 12: .q4K
        case 14: .q6K
        case 24: .int8
        case 25: .int16
        case 26: .int32
        case 27: .int64
        case 28: .float64
        case 30: .bfloat16
        default: nil
        }
    }

    /// The number of an element type, or nil if it is not written.
    static func code(of type: ElementType) -> UInt32? {
        (0...30).first { elementType($0) == type }
    }

    /// The name of a type that is not read, for the message that says so.
    static func name(_ code: UInt32) -> String {
        unread[code] ?? "type \(code)"
    }

    private static let unread: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 13: "Q5_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS",
        18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M",
        31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0", 36: "IQ4_NL_4_4",
        37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
    ]
}
