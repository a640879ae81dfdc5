import Files

/// A `tokenizer.json` (format 1.0 of the `tokenizers` package) as its parts: what is read from a file, made from GGUF metadata
/// or trained, and what is written again.
struct PipelineDescription: Sendable {
    /// The JSON text of the parts that say how texts are handled; nil where there is none.
    var normalizer: String?
    var preTokenizer: String?
    var postProcessor: String?
    var decoder: String?
    var addedTokens: [AddedToken] = []
    var model: Model

    /// The vocabulary and the rules of the model.
    struct Model: Sendable {
        var kind: Kind
        /// Token `i` has the id `i`.
        var vocabulary: Vocabulary

        var isUnigram: Bool {
            if case .unigram = kind { true } else { false }
        }

        enum Kind: Sendable {
            /// Pairs of ids in the order in which they join; pairs of equal rank join from left to right.
            case bytePair(BytePairModel.Settings, merges: [PairMerge])
            case wordPiece(unknown: String, prefix: String, maximumLength: Int)
            /// A score for each token, and the id of the one for text that no pieces spell.
            case unigram(scores: [Double], unknown: Int32, byteFallback: Bool)
        }
    }

    /// A pair of tokens that join, and what into.
    struct PairMerge: Sendable, Equatable {
        var first: Int32
        var second: Int32
        var rank: UInt32
        var joined: Int32
    }

    init(model: Model) { self.model = model }

    /// Reads a `tokenizer.json`. Truncation and padding are left out: whoever encodes says how long and how wide.
    ///
    /// - Throws: `InputError` that names file and field.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        if let version = try object.optional("version"), try version.string() != "1.0" {
            throw version.error("is not 1.0", remedy: "write the file with version 1.0 of the format")
        }
        object.ignore("truncation")
        object.ignore("padding")
        model = try Model(try object.required("model"))
        normalizer = try object.optional("normalizer")?.compactText()
        preTokenizer = try object.optional("pre_tokenizer")?.compactText()
        postProcessor = try object.optional("post_processor")?.compactText()
        decoder = try object.optional("decoder")?.compactText()
        try object.optional("added_tokens")?.forEachElement { element in
            guard addedTokens.count < 1 << 16 else { throw element.error("is one token too many") }
            addedTokens.append(try AddedToken(element))
        }
        try object.finish()
    }

    /// The whole as a `tokenizer.json`.
    var json: String {
        """
        {
          "version": "1.0",
          "truncation": null,
          "padding": null,
          "added_tokens": [\(addedTokens.map { "\n    " + $0.json }.joined(separator: ","))
          ],
          "normalizer": \(normalizer ?? "null"),
          "pre_tokenizer": \(preTokenizer ?? "null"),
          "post_processor": \(postProcessor ?? "null"),
          "decoder": \(decoder ?? "null"),
          "model": {
        \(model.json)
          }
        }

        """
    }
}
