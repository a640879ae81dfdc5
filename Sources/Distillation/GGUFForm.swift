import Files
import Formats
import Tensors
import Tokenizers

/// How the weights of a GGUF file are stored: what decoders and encoders share.
enum GGUFForm {
    /// Sets the keys of every model file.
    ///
    /// - Parameters:
    ///   - name: `general.name`.
    ///   - type: of the matrices.
    /// - Throws: `InputError` if matrices are not written in this type.
    static func describe(_ name: String, _ type: ElementType, in file: inout GGUFBuilder) throws {
        file.set("general.name", .string(name))
        file.set("general.file_type", .unsigned(try fileType(type)))
        if type == .q80 || type == .q40 { file.set("general.quantization_version", .unsigned(2)) }
    }

    /// Sets the keys of the tokenizer.
    static func describe(_ vocabulary: GGUFVocabulary, in file: inout GGUFBuilder) {
        func set(_ key: String, _ value: GGUFBuilder.Value) { file.set("tokenizer.ggml.\(key)", value) }
        set("model", .string(vocabulary.model))
        if let pre = vocabulary.pre { set("pre", .string(pre)) }
        set("tokens", .strings(vocabulary.tokens))
        if !vocabulary.scores.isEmpty { set("scores", .floats(vocabulary.scores)) }
        set("token_type", .integers(vocabulary.types))
        if !vocabulary.merges.isEmpty { set("merges", .strings(vocabulary.merges)) }
        let special = vocabulary.special
        for (role, id) in [
            ("bos", special.beginning), ("eos", special.end), ("unknown", special.unknown), ("padding", special.pad),
            // So it is spelt there.
            ("seperator", special.separator), ("mask", special.mask),
        ] {
            if let id { set("\(role)_token_id", .unsigned(UInt32(id))) }
        }
        if let adds = vocabulary.addsBeginning { set("add_bos_token", .bool(adds)) }
        if let adds = vocabulary.addsEnd { set("add_eos_token", .bool(adds)) }
        if let adds = vocabulary.addsBlank { set("add_space_prefix", .bool(adds)) }
    }

    /// `enum llama_ftype`.
    private static func fileType(_ type: ElementType) throws -> UInt32 {
        switch type {
        case .float32: return 0
        case .float16: return 1
        case .q40: return 2
        case .q80: return 7
        default:
            throw InputError(
                problem: "models are not written as GGUF with \(type.rawValue)",
                remedy: "choose F32, F16, Q8_0 or Q4_0")
        }
    }

    /// A weight as it is stored: matrices in `type`, those whose rows are no whole blocks in F16 instead, all else in F32.
    static func tensor(_ values: [Float], _ shape: [Int], _ type: ElementType) -> StoredTensor {
        guard shape.count == 2, type != .float32 else { return .float32(shape: shape, values) }
        guard type != .float16, shape[1].isMultiple(of: 32) else {
            return .float16(shape: shape, bits: HalfPrecision.encode(values))
        }
        return .blocks(type, shape: shape, values)
    }

    static func requireFinite(_ values: [Float], _ name: String) throws {
        guard !values.allSatisfy(\.isFinite) else { return }
        throw InputError(
            field: name, problem: "holds NaN or infinite numbers",
            remedy: "train the model again with a lower learning rate")
    }
}
