import Files
public import Foundation

extension PipelineTokenizer {
    /// Writes `tokenizer.json`, and the files beside it as they were read, or `special_tokens_map.json` and
    /// `tokenizer_config.json` where there were none. Equal tokenizers give equal bytes.
    public func write(to directory: URL) throws {
        try AtomicFile.write(description.json, to: directory.appendingPathComponent("tokenizer.json"))
        guard companions.isEmpty else {
            for (name, bytes) in companions.sorted(by: { $0.key < $1.key }) {
                try AtomicFile.write(bytes, to: directory.appendingPathComponent(name))
            }
            return
        }
        let roles = [
            ("bos", special.beginning), ("eos", special.end), ("unk", special.unknown), ("pad", special.pad),
            ("cls", special.classification), ("sep", special.separator), ("mask", special.mask),
        ]
        let names = roles.compactMap { role, id in
            id.map { "\"\(role)_token\": \(JSONString.quote(token($0)))" }
        }
        try AtomicFile.write(
            "{\n  " + names.joined(separator: ",\n  ") + "\n}\n",
            to: directory.appendingPathComponent("special_tokens_map.json"))
        try AtomicFile.write(
            "{\n  " + (names + ["\"tokenizer_class\": \"PreTrainedTokenizerFast\""]).joined(separator: ",\n  ")
                + "\n}\n",
            to: directory.appendingPathComponent("tokenizer_config.json"))
    }

    public var settings: [(name: String, value: String)] { Self.settings(of: description, keepsEnd: keepsEnd) }

    private static func settings(
        of description: PipelineDescription, keepsEnd: Bool
    ) -> [(name: String, value: String)] {
        let model =
            switch description.model.kind {
            case .bytePair(let settings, _): "BPE \(settings)"
            case .wordPiece(let unknown, let prefix, let length): "WordPiece \(unknown) \(prefix) \(length)"
            case .unigram(_, let unknown, let byteFallback): "Unigram \(unknown) byte fallback \(byteFallback)"
            }
        return [
            ("normalizer", description.normalizer ?? "none"), ("pre-tokenizer", description.preTokenizer ?? "none"),
            ("post-processor", description.postProcessor ?? "none"), ("model", model),
            (description.model.isUnigram ? "scores" : "merges", rulesDigest(description)),
            ("added tokens", description.addedTokens.map(\.json).joined(separator: " ")),
        ] + (keepsEnd ? [("truncation side", "left")] : [])
    }

    static func digest(_ description: PipelineDescription, keepsEnd: Bool) -> String {
        var bytes = Data("pipeline\n".utf8)
        for (name, value) in settings(of: description, keepsEnd: keepsEnd) { bytes += Data("\(name): \(value)\n".utf8) }
        let vocabulary = description.model.vocabulary
        for id in 0..<Int32(vocabulary.count) {
            let token = vocabulary.bytes(of: id)
            bytes += Data("\(token.count) ".utf8)
            bytes += token
        }
        return Digest.sha256(bytes)
    }

    /// What the model goes by besides its vocabulary: merges or scores.
    private static func rulesDigest(_ description: PipelineDescription) -> String {
        var bytes = Data()
        let count: Int
        switch description.model.kind {
        case .wordPiece: return "none"
        case .bytePair(_, let merges):
            count = merges.count
            for merge in merges {
                for value in [merge.first, merge.second, Int32(bitPattern: merge.rank)] {
                    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
                }
            }
        case .unigram(let scores, _, _):
            count = scores.count
            for score in scores { withUnsafeBytes(of: score.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        return "\(count) of SHA-256 \(Digest.sha256(bytes))"
    }
}
