import Files
import Tensors

/// A text being continued token by token until it ends.
///
///     var continuation = try Continuation(of: prompt, by: runner, sampling: .greedy, limit: 64)
///     while let token = try continuation.next() { … }
///     continuation.finish
public struct Continuation {
    /// Why a continuation ended.
    public enum Finish: String, Sendable, Codable {
        /// The model said that the text ends.
        case end
        /// As many tokens as asked for, or as the model has positions for.
        case length
    }

    private let session: DecoderSession
    private let sampling: Sampling
    private let sample: Int
    private let limit: Int
    private let endTokens: Set<Int32>
    private var logits: Tensor
    private var position: Int
    /// The tokens made so far, without the one that ended the text.
    public private(set) var tokens: [Int32] = []
    /// nil until the text has ended.
    public private(set) var finish: Finish?

    /// Takes in the prompt.
    ///
    /// - Parameters:
    ///   - limit: the most tokens to make.
    ///   - sample: which text this is, for the random numbers.
    ///   - endTokens: ids that end a text.
    /// - Throws: `InputError` if the prompt is empty or longer than the model's positions, or the logits are not finite.
    public init(
        of prompt: [Int32], by runner: DecoderRunner, sampling: Sampling, limit: Int, sample: Int = 0,
        endTokens: Set<Int32>
    ) throws {
        let positions = runner.configuration.maximumPositions
        guard !prompt.isEmpty else {
            throw InputError(
                problem: "an empty text has nothing to continue", remedy: "give at least one character")
        }
        guard prompt.count <= positions else {
            throw InputError(
                problem: "the text has \(prompt.count) tokens, the model \(positions) positions",
                remedy: "give a shorter text")
        }
        session = DecoderSession(runner)
        self.sampling = sampling
        self.sample = sample
        self.limit = limit
        self.endTokens = endTokens
        position = prompt.count
        // In parts, so that what a layer makes of a long prompt stays small.
        var rest = prompt[...]
        while rest.count > Self.part {
            session.take(Array(rest.prefix(Self.part)))
            rest = rest.dropFirst(Self.part)
        }
        logits = session.append(Array(rest))
        try check()
    }

    private static let part = 128

    /// The next token; nil once the text has ended.
    ///
    /// - Throws: `InputError` if the logits are not finite.
    public mutating func next() throws -> Int32? {
        guard finish == nil else { return nil }
        if tokens.count >= limit { return end(.length) }
        let token = sampling.choose(logits, sample: sample, position: position)
        if endTokens.contains(token) { return end(.end) }
        tokens.append(token)
        position += 1
        // The last token's logits would be for nothing.
        if tokens.count < limit {
            guard session.room > 0 else {
                finish = .length
                return token
            }
            logits = session.append([token])
            try check()
        }
        return token
    }

    private mutating func end(_ reason: Finish) -> Int32? {
        finish = reason
        return nil
    }

    private func check() throws {
        guard logits.isFinite else {
            throw InputError(
                problem: "the model gives logits that are NaN or infinite",
                remedy: "its weights have diverged or its file is damaged: train or download it again")
        }
    }
}
