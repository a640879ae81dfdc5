import Files
import Foundation

extension GGUFVocabulary {
    /// The tokenizer as GGUF files hold it.
    ///
    /// - Parameter rows: rows of the model's table; where they are more than the tokens, unused tokens fill them.
    /// - Throws: `InputError` if GGUF has no name for how the tokenizer works.
    public init(_ tokenizer: any Tokenizer, rows: Int) throws {
        guard let pipeline = tokenizer as? PipelineTokenizer,
            case .bytePair(_, let merges) = pipeline.description.model.kind
        else {
            throw Self.refusal("is no byte-pair encoding")
        }
        let description = pipeline.description
        let count = pipeline.vocabularySize
        guard count <= rows else { throw Self.refusal("has \(count) tokens, the model's table \(rows) rows") }
        let isByteLevel = Self.name(of: description) != nil
        if isByteLevel {
            self.init(model: "gpt2", pre: Self.name(of: description), tokens: [])
            let vocabulary = description.model.vocabulary
            self.merges = merges.map { "\(vocabulary.token($0.first)) \(vocabulary.token($0.second))" }
        } else {
            guard Self.isSentencePiece(description) else {
                throw Self.refusal("splits texts in a way that llama.cpp has no name for")
            }
            self.init(model: "llama", pre: "default", tokens: [])
            addsBlank = description.normalizer?.contains(#""Prepend""#) ?? false
        }
        let added = Dictionary(uniqueKeysWithValues: description.addedTokens.map { ($0.id, $0) })
        tokens = (0..<Int32(count)).map(pipeline.token)
        types = (0..<Int32(count)).map { id in
            if !isByteLevel, id == pipeline.special.unknown { return 2 }
            if let token = added[id] { return token.isSpecial ? 3 : 4 }
            return !isByteLevel && pipeline.token(id).wholeMatch(of: /<0x[0-9A-F]{2}>/) != nil ? 6 : 1
        }
        if !isByteLevel { scores = Self.scores(merges, count: count) }
        fillRows(to: rows)
        special = pipeline.special
        let sample = pipeline.encode("a", maxLength: .max)
        addsBeginning = special.beginning != nil && sample.first == special.beginning
        addsEnd = special.end != nil && sample.count > 1 && sample.last == special.end
        try check(against: pipeline)
    }

    /// The name of how a byte-level tokenizer splits texts, if it is one of those that are known.
    private static func name(of description: PipelineDescription) -> String? {
        guard let own = canonical(description.preTokenizer), description.normalizer == nil || isComposing(description)
        else { return nil }
        return ["gpt-2", "smollm", "llama-bpe", "qwen2"].first { name in
            byteLevel(name).map { canonical($0.preTokenizer) == own } ?? false
        }
    }

    /// Whether texts are put into the form NFC first, and nothing else: llama.cpp leaves that to whoever gives it a text.
    private static func isComposing(_ description: PipelineDescription) -> Bool {
        description.normalizer == #"{"type":"NFC"}"#
    }

    /// What of a part of `tokenizer.json` decides about ids, for comparison.
    private static func canonical(_ text: String?) -> NSObject? {
        func cleaned(_ value: Any) -> Any {
            if let object = value as? [String: Any] {
                return object.filter { $0.key != "trim_offsets" }.mapValues(cleaned)
            }
            return (value as? [Any])?.map(cleaned) ?? value
        }
        guard let text, let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)) else { return nil }
        return cleaned(value) as? NSObject
    }

    private static func isSentencePiece(_ description: PipelineDescription) -> Bool {
        guard case .bytePair(let settings, _) = description.model.kind, settings.byteFallback else { return false }
        return description.preTokenizer == nil && (description.normalizer?.contains("▁") ?? false)
    }

    /// The earlier the merge that makes a token, the better its score.
    private static func scores(_ merges: [PipelineDescription.PairMerge], count: Int) -> [Float] {
        var scores = [Float](repeating: -1e6, count: count)
        for merge in merges.reversed() { scores[Int(merge.joined)] = -Float(merge.rank) }
        return scores
    }

    /// Reads the vocabulary back and compares what it makes of texts of many kinds.
    private func check(against tokenizer: PipelineTokenizer) throws {
        let read = try PipelineTokenizer(self)
        let isComposing = Self.isComposing(tokenizer.description)
        for text in TokenizerSample.texts.map({ isComposing ? $0.precomposedStringWithCanonicalMapping : $0 }) {
            guard read.encode(text, maxLength: 4096) == tokenizer.encode(text, maxLength: 4096) else {
                throw Self.refusal("splits `\(text.prefix(30))` otherwise than its GGUF form would")
            }
        }
    }

    static func refusal(_ problem: String) -> InputError {
        InputError(
            field: "tokenizer", problem: "the tokenizer \(problem), so that GGUF cannot hold it",
            remedy: "export the model as safetensors")
    }
}
