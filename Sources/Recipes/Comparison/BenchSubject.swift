import Distillation
import Files
import Formats
import Foundation
import Models
import Tensors
import Tokenizers

/// A model that is timed.
struct BenchSubject {
    private enum Kind {
        case encoder(LoadedModel)
        case decoder(LoadedDecoder)
    }

    private let kind: Kind
    private let maxTokens: Int

    init(_ path: String, maxTokens: Int) throws {
        let place = DecoderDirectory.place(of: LoadedModel.modelFolder(of: URL(fileURLWithPath: path)))
        self.maxTokens = maxTokens
        kind =
            DecoderDirectory.isDecoder(place)
            ? .decoder(try LoadedDecoder(place))
            : .encoder(try LoadedModel(URL(fileURLWithPath: path), isOnlyRun: true))
    }

    var takesBatches: Bool { if case .encoder = kind { true } else { false } }

    var path: String {
        switch kind {
        case .encoder(let model): model.place.relativePath
        case .decoder(let model): model.url.relativePath
        }
    }

    var parameters: Int {
        switch kind {
        case .encoder(let model): model.classifier.parameterCount
        case .decoder(let model): model.runner.configuration.parameterCount
        }
    }

    /// Of the weights on the disk.
    func bytes() throws -> Int? {
        switch kind {
        case .encoder(let model): try model.bytes()
        case .decoder(let model):
            try FileKind(at: model.url) == .gguf
                ? FileSize.bytes(at: model.url.path) : StoredWeights(directory: model.url).byteCount
        }
    }

    /// What was done to answer a text.
    struct Answer {
        /// Tokens read by an encoder, or written by a decoder.
        var tokens: Int
        /// Of a decoder: the prompt's tokens, and the time until it has read them.
        var prompt: (tokens: Int, milliseconds: Double)?
    }

    /// From the text to the answer.
    func answer(_ text: String) throws -> Answer {
        switch kind {
        case .encoder: return Answer(tokens: try answers([text]))
        case .decoder(let model):
            // A prompt leaves half of the positions to the answer.
            let room = max(1, model.runner.configuration.maximumPositions / 2)
            let clock = ContinuousClock()
            let start = clock.now
            let prompt = Array(model.tokenizer.encoding(of: text).ids.prefix(room))
            var continuation = try Continuation(
                of: prompt, by: model.runner, sampling: .greedy, limit: maxTokens, endTokens: model.endTokens)
            let read = start.duration(to: clock.now) / .milliseconds(1)
            while try continuation.next() != nil {}
            return Answer(tokens: continuation.tokens.count, prompt: (prompt.count, read))
        }
    }

    /// Of an encoder: a batch in one pass.
    func answers(_ texts: [String]) throws -> Int {
        guard case .encoder(let model) = kind else { preconditionFailure("a batch for a decoder") }
        let rows = model.tokenizer.encode(texts, maxLength: model.classifier.configuration.longestText)
        _ = try model.classifier.logits(PackedBatch(rows, samples: Array(rows.indices)))
        return rows.reduce(0) { $0 + $1.count }
    }
}

/// What loading a model takes, in a process that has done nothing else.
public struct ModelProbe: Sendable, Codable {
    /// From the start of reading to a model that is ready.
    public var loadMs: Double
    /// Largest resident size after one query.
    public var peakMb: Double

    /// Loads the model, and asks it once.
    public init(loading path: String, text: String, maxTokens: Int) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let subject = try BenchSubject(path, maxTokens: maxTokens)
        loadMs = start.duration(to: clock.now) / .milliseconds(1)
        _ = try subject.answer(text)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        peakMb = Double(usage.ru_maxrss) / 1024
    }
}
