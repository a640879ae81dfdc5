import Files
import Layers
public import Models
import Tensors

extension Encoder {
    /// The encoder with these rows of its table of words alone, in this order; this one stays as it is.
    ///
    /// A text whose tokens all stay gets the same output, under its new ids.
    ///
    /// - Parameter tokens: ids of this encoder, each once.
    /// - Throws: `InputError` for an id that the table has no row for, or an empty list.
    public func keeping(tokens: [Int32]) throws -> Encoder {
        guard !tokens.isEmpty, tokens.allSatisfy({ (0..<configuration.vocabularySize).contains(Int($0)) }) else {
            throw InputError(
                problem: "the tokens to keep are not among the \(configuration.vocabularySize) of the model's table",
                remedy: "give the tokenizer that belongs to the model")
        }
        var smaller = configuration
        smaller.vocabularySize = tokens.count
        let pruned = Encoder(unfilled: smaller)
        for (target, source) in zip(pruned.parameters, parameters) where target.value.shape == source.value.shape {
            target.value = source.value
        }
        let rows = tokens.map(Int.init)
        pruned.wordEmbeddings.table.value = wordEmbeddings.table.value.rows(rows)
        if let bias = pruned.vocabularyHead?.bias, let whole = vocabularyHead?.bias.value.values {
            bias.value = Tensor(rows.map { whole[$0] }, shape: [rows.count])
        }
        return pruned
    }
}
