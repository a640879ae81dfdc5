import Foundation

extension Comparison {
    /// What not every comparison takes.
    public enum Setting: String, Sendable {
        case label, queries, batch, generate, embedder
        case maxTokens = "max-tokens"
    }

    /// Why a setting would change nothing here; nil where it is used.
    ///
    /// - Throws: `InputError` for sides of different kinds.
    public func idleness(of setting: Setting) throws -> String? {
        let mode = try mode
        // Exported graphs are run text by text, and not timed.
        let hasEncoder = sides.contains {
            if case .encoder(let model) = $0.contestant { model.graph == nil } else { false }
        }
        switch setting {
        case .label:
            return mode == .embeddings || mode == .likelihood
                ? "\(mode == .embeddings ? "embeddings are" : "how likely texts are is") judged without what is expected"
                : nil
        case .queries:
            // None is what happens anyway.
            return hasEncoder || options.queries == 0
                ? nil : "recorded answers, ONNX files and language models are not timed in queries"
        case .batch:
            return hasEncoder ? nil : "recorded answers, ONNX files and language models are not asked in batches"
        case .generate: return sides.contains(where: \.isDecoder) ? nil : "no side is a language model"
        case .maxTokens:
            if mode != .generation { return "nothing is generated" }
            return sides.contains(where: \.isDecoder) ? nil : "the answers are recorded"
        case .embedder: return mode == .generation ? nil : "no generated texts are judged"
        }
    }

    /// Whether a path names recorded answers, and no model.
    public static func isRecording(_ path: String) -> Bool {
        ["jsonl", "ndjson"].contains(URL(fileURLWithPath: path).pathExtension)
    }
}

extension Comparison.Side {
    var isDecoder: Bool { if case .decoder = contestant { true } else { false } }
}
