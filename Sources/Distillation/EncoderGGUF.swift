import Files
public import Formats
public import Foundation
import Layers
public import Models
import Tensors
public import Tokenizers

/// A BERT encoder as the GGUF file of llama.cpp's graph `bert`.
///
/// An embedding model is pooled as llama.cpp pools by itself; a classifier, or a model of numbers, stands in the place of its
/// ranking head (`--pooling rank`), whose dense layer and output it is. llama.cpp computes GELU by its approximation through
/// tanh, from a table of halves: its numbers differ from the exact ones by about 1e-3 of their size.
public enum EncoderGGUF {
    /// Norms, biases, tables of positions and token types, and the few rows of the classifier are F32; matrices whose rows are
    /// no whole blocks are F16 in block formats.
    ///
    /// - Parameters:
    ///   - type: of the matrices: `float32`, `float16`, `q80` or `q40`.
    ///   - name: `general.name`.
    /// - Throws: `InputError` if llama.cpp's graph does not compute this encoder, or its tokenizer does not make these tokens.
    public static func write(
        _ encoder: Encoder, _ tokenizer: any Tokenizer, type: ElementType, name: String, to url: URL
    ) throws {
        let configuration = encoder.configuration
        try check(configuration)
        var file = GGUFBuilder(architecture: "bert")
        try GGUFForm.describe(name, type, in: &file)
        for (key, value) in sizes(of: configuration) { file.setOwn(key, .unsigned(UInt32(value))) }
        file.setOwn("attention.layer_norm_epsilon", .float32(configuration.layerNormEpsilon))
        file.setOwn("attention.causal", .bool(false))
        if configuration.classifies { file.setOwn("classifier.output_labels", .strings(configuration.labels)) }
        guard let pieces = tokenizer as? WordPieceTokenizer else {
            throw InputError(
                field: "tokenizer", problem: "llama.cpp reads texts for encoders of BERT's form in WordPiece",
                remedy: "export the model as safetensors or ONNX")
        }
        GGUFForm.describe(try GGUFVocabulary(pieces, rows: configuration.vocabularySize), in: &file)
        file.set("tokenizer.ggml.token_type_count", .unsigned(UInt32(configuration.tokenTypes)))
        for parameter in encoder.parameters {
            let stored = storedName(parameter.name)
            try GGUFForm.requireFinite(parameter.value.values, stored)
            let staysFloat = ["position_embd.weight", "token_types.weight", "cls.output.weight"].contains(stored)
            file.add(
                stored,
                GGUFForm.tensor(parameter.value.values, parameter.value.shape, staysFloat ? .float32 : type))
        }
        try file.write(to: url)
    }

    /// Reads a file that `write` wrote.
    ///
    /// - Parameter configuration: of the encoder that was written; the file must say the same.
    /// - Throws: `InputError` naming the key that says otherwise; `InputErrors` listing every tensor that is missing, surplus,
    ///   misshapen or not finite.
    public static func read(_ url: URL, _ configuration: EncoderConfiguration) throws -> Encoder {
        try check(configuration)
        let file = try GGUFFile(reading: url)
        let architecture = try file.string("general.architecture")
        guard architecture == "bert" else {
            throw InputError(
                file: file.path, field: "general.architecture", problem: "found \(architecture), expected bert")
        }
        for (key, value) in sizes(of: configuration) {
            let found = try file.integer("bert.\(key)")
            guard found == value else {
                throw InputError(file: file.path, field: "bert.\(key)", problem: "found \(found), expected \(value)")
            }
        }
        let encoder = Encoder(unfilled: configuration)
        var filling = WeightFilling(StoredWeights(file))
        for parameter in encoder.parameters { filling.fill(parameter, from: StoredPart(storedName(parameter.name))) }
        try filling.finish()
        return encoder
    }

    /// Refuses what llama.cpp's graph has no place for.
    private static func check(_ configuration: EncoderConfiguration) throws {
        func refuse(_ problem: String) -> InputError {
            InputError(problem: problem, remedy: "export the model as safetensors or ONNX")
        }
        guard configuration.family == .bert, configuration.positionOffset == 0, configuration.tokenTypes > 0 else {
            throw refuse("encoders are written as GGUF in BERT's form, not in \(configuration.family.rawValue)'s")
        }
        let isEven = Set(configuration.heads).count == 1 && Set(configuration.feedForward).count == 1
        guard isEven, configuration.heads[0] * configuration.headSize == configuration.hiddenSize,
            configuration.feedForward[0] > 0
        else {
            throw refuse(
                "llama.cpp has one size for all layers of an encoder, and heads that fill its width; this model has "
                    + "\(configuration.heads) heads of \(configuration.headSize) and \(configuration.feedForward) "
                    + "neurons at a width of \(configuration.hiddenSize)")
        }
        guard configuration.activation != .relu else { throw refuse("llama.cpp's encoders have GELU, this one ReLU") }
        switch configuration.head {
        case .embedding where configuration.pooling != .max: return
        case .classification where configuration.pooling == .first: return
        case .regression where configuration.pooling == .first: return
        case .embedding, .classification, .regression:
            throw refuse("llama.cpp does not pool \(configuration.pooling.rawValue) states for this head")
        case .maskedLanguageModel, .none: throw refuse("llama.cpp has no head for masked words")
        }
    }

    private static func sizes(of configuration: EncoderConfiguration) -> [(key: String, value: Int)] {
        // enum llama_pooling_type: 1 mean, 2 the first token, 4 its ranking head.
        let pooling = configuration.head != .embedding ? 4 : configuration.pooling == .mean ? 1 : 2
        return [
            ("block_count", configuration.layers), ("context_length", configuration.maximumPositions),
            ("embedding_length", configuration.hiddenSize), ("feed_forward_length", configuration.feedForward[0]),
            ("attention.head_count", configuration.heads[0]), ("pooling_type", pooling),
        ]
    }

    /// llama.cpp's name of a parameter.
    private static func storedName(_ name: String) -> String {
        let block = "bert.encoder.layer."
        guard name.hasPrefix(block) else {
            return renamed(
                name,
                [
                    ("bert.embeddings.word_embeddings.", "token_embd."),
                    ("bert.embeddings.position_embeddings.", "position_embd."),
                    ("bert.embeddings.token_type_embeddings.", "token_types."),
                    ("bert.embeddings.LayerNorm.", "token_embd_norm."), ("bert.pooler.dense.", "cls."),
                    ("classifier.", "cls.output."),
                ])
        }
        let rest = name.dropFirst(block.count)
        let index = rest.prefix { $0 != "." }
        return "blk.\(index)."
            + renamed(
                String(rest.dropFirst(index.count + 1)),
                [
                    ("attention.self.query.", "attn_q."), ("attention.self.key.", "attn_k."),
                    ("attention.self.value.", "attn_v."), ("attention.output.dense.", "attn_output."),
                    ("attention.output.LayerNorm.", "attn_output_norm."), ("intermediate.dense.", "ffn_up."),
                    ("output.dense.", "ffn_down."), ("output.LayerNorm.", "layer_output_norm."),
                ])
    }

    private static func renamed(_ name: String, _ parts: [(own: String, stored: String)]) -> String {
        guard let part = parts.first(where: { name.hasPrefix($0.own) }) else {
            preconditionFailure("EncoderGGUF: \(name) is no part of an encoder")
        }
        return part.stored + name.dropFirst(part.own.count)
    }
}
