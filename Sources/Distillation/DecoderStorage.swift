import Files
import Formats
import Tensors

/// How the weights of a decoder's directory are stored.
public enum DecoderStorage: Sendable, Equatable {
    case float32
    case float16
    case bfloat16
    /// The matrices of blocks in int4 with a scale for so many neighbours, in the layout that `PackedInt4` describes; all
    /// else in float16.
    case int4(group: Int)

    /// What `config.json` says of it beside the decoder's shape.
    var dtype: String? {
        switch self {
        case .float32: nil
        case .float16, .int4: "float16"
        case .bfloat16: "bfloat16"
        }
    }

    /// Whether the weight is one of a block's matrices whose rows are whole groups.
    func isInt4(_ name: String, _ shape: [Int]) -> Bool {
        guard case .int4(let group) = self else { return false }
        return shape.count == 2 && name.contains(".layers.") && shape[1].isMultiple(of: group)
    }

    /// The stored tensors of a weight.
    ///
    /// - Throws: `InputError` if it is NaN or infinite, or becomes so in halves.
    func tensors(_ name: String, _ value: Tensor) throws -> [(name: String, tensor: StoredTensor)] {
        guard value.isFinite else {
            throw InputError(
                field: name, problem: "holds NaN or infinite numbers",
                remedy: "train the model again with a lower learning rate")
        }
        switch self {
        case .int4(let group) where isInt4(name, value.shape):
            let matrix = Int4Matrix(quantizing: value, group: group)
            guard matrix.scales.allSatisfy(\.isFinite) else { throw Self.tooLarge(name) }
            return PackedInt4.tensors(
                name, rows: matrix.rows, width: matrix.width, levels: matrix.levels, scales: matrix.scales)
        case .float32: return [(name, .float32(shape: value.shape, value.values))]
        case .bfloat16: return [(name, .bfloat16(shape: value.shape, bits: BFloat16.encode(value.values)))]
        case .float16, .int4:
            let bits = HalfPrecision.encode(value.values)
            guard bits.allSatisfy({ $0 & 0x7C00 != 0x7C00 }) else { throw Self.tooLarge(name) }
            return [(name, .float16(shape: value.shape, bits: bits))]
        }
    }

    private static func tooLarge(_ name: String) -> InputError {
        InputError(
            field: name, problem: "holds numbers or needs scales beyond 65504, which float16 has not",
            remedy: "store the model in bfloat16 or float32")
    }
}
