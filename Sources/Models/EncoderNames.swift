/// The names of an encoder's weights in published checkpoints of its family.
///
/// Here all encoders have the parameters of BERT under BERT's names. RoBERTa and DistilBERT have the same parts, and
/// other words for them.
public struct EncoderNames: Sendable {
    private let family: EncoderConfiguration.Family
    private let head: EncoderConfiguration.Head
    private let classifies: Bool

    public init(_ configuration: EncoderConfiguration) {
        family = configuration.family
        head = configuration.head
        classifies = configuration.classifies
    }

    /// What the family puts before the names of everything but the head.
    private var prefix: String {
        switch family {
        case .bert: "bert."
        case .roberta, .xlmRoberta: "roberta."
        case .distilbert: "distilbert."
        }
    }

    /// BERT's beginnings of names in the heads, and the family's.
    private var parts: [(bert: String, published: String)] {
        switch family {
        case .bert: []
        case .roberta, .xlmRoberta:
            [
                ("bert.pooler.dense.", "classifier.dense."), ("classifier.", "classifier.out_proj."),
                ("cls.predictions.transform.dense.", "lm_head.dense."),
                ("cls.predictions.transform.LayerNorm.", "lm_head.layer_norm."),
                ("cls.predictions.bias", "lm_head.bias"), ("cls.predictions.decoder.", "lm_head.decoder."),
            ]
        case .distilbert:
            [
                ("bert.pooler.dense.", "pre_classifier."),
                ("cls.predictions.transform.dense.", "vocab_transform."),
                ("cls.predictions.transform.LayerNorm.", "vocab_layer_norm."),
                ("cls.predictions.bias", "vocab_projector.bias"), ("cls.predictions.decoder.", "vocab_projector."),
            ]
        }
    }

    /// A block's parts in DistilBERT, in an order in which none hides another.
    private static let distilledBlock: [(bert: String, published: String)] = [
        ("attention.self.query.", "attention.q_lin."), ("attention.self.key.", "attention.k_lin."),
        ("attention.self.value.", "attention.v_lin."), ("attention.output.dense.", "attention.out_lin."),
        ("attention.output.LayerNorm.", "sa_layer_norm."), ("intermediate.dense.", "ffn.lin1."),
        ("output.dense.", "ffn.lin2."), ("output.LayerNorm.", "output_layer_norm."),
    ]

    /// The published name of the parameter that is called `name` here.
    public func published(_ name: String) -> String {
        if let part = parts.first(where: { name.hasPrefix($0.bert) }) {
            return part.published + name.dropFirst(part.bert.count)
        }
        guard name.hasPrefix("bert.") else { return name }
        let inner = String(name.dropFirst("bert.".count))
        let layers = "encoder.layer."
        guard family == .distilbert, inner.hasPrefix(layers) else { return prefix + inner }
        let rest = inner.dropFirst(layers.count)
        let index = rest.prefix { $0 != "." }
        let part = rest.dropFirst(index.count + 1)
        let renamed = Self.distilledBlock.first { part.hasPrefix($0.bert) }
            .map { $0.published + part.dropFirst($0.bert.count) }
        return prefix + "transformer.layer.\(index)." + (renamed ?? String(part))
    }

    /// The published name of a stored tensor: bare encoders leave the prefix out, and checkpoints that were converted
    /// from TensorFlow call a norm's weights gamma and beta.
    public func standard(_ stored: String) -> String {
        var name = stored
        if ["embeddings.", "encoder.", "pooler.", "transformer."].contains(where: name.hasPrefix) {
            name = prefix + name
        }
        for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] where name.hasSuffix("LayerNorm" + old) {
            name = name.dropLast(old.count) + new
        }
        return name
    }

    /// Whether a published tensor carries nothing that an encoder with this head computes with.
    ///
    /// - Parameter fresh: whether the head is a fresh one, so that any other may stand in the file.
    public func isIgnored(_ name: String, withFreshHead fresh: Bool) -> Bool {
        if [prefix + "embeddings.position_ids", prefix + "embeddings.token_type_ids"].contains(name) { return true }
        if name.hasPrefix("cls.seq_relationship.") { return !classifies || fresh }
        // Only BERT's classifier reads BERT's pooler.
        if name.hasPrefix(prefix + "pooler.") { return !(family == .bert && classifies) }
        let otherHeads = ["cls.", "lm_head.", "vocab_", "classifier.", "pre_classifier.", "qa_outputs."]
        return (fresh || head == .embedding || head == .none) && otherHeads.contains(where: name.hasPrefix)
    }
}
