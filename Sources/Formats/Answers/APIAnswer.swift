/// What an OpenAI-compatible server answered to one request, as far as targets can be made of it.
public struct APIAnswer: Equatable, Sendable {
    /// A token that the server thought of at one place of its answer.
    public struct Candidate: Equatable, Sendable {
        /// As the server wrote it; what is no whole character may be replaced.
        public let text: String
        /// UTF-8, which may begin or end inside of a character. Nil where the server gave no bytes and `text` lost some.
        public let bytes: [UInt8]?
        /// log p at T = 1: at most 0, −infinity included.
        public let logProbability: Double

        public init(text: String, bytes: [UInt8]?, logProbability: Double) {
            self.text = text
            self.bytes = bytes
            self.logProbability = logProbability
        }
    }

    /// One token of the answer.
    public struct Token: Equatable, Sendable {
        public let chosen: Candidate
        /// The likeliest tokens at this place, and the chosen one.
        public let candidates: [Candidate]
    }

    /// Why no targets can be made of an answer.
    public enum Fault: String, Sendable {
        case malformed, failed, refused
        case withoutLogProbabilities = "without_log_probabilities"
    }

    public enum Outcome: Equatable, Sendable {
        case tokens([Token])
        case unusable(Fault, String)
    }

    /// By which a Batch-API file names the request.
    public let customID: String?
    public let model: String?
    public let outcome: Outcome

    /// The most bytes of one answer's line.
    public static let longestLine = 64 << 20

    /// Reads a line: a Batch-API result, a chat completion or a legacy completion; of several choices the first.
    public init(line: UnsafeBufferPointer<UInt8>) {
        var draft = AnswerDraft()
        var fault: String?
        if line.count > Self.longestLine {
            fault = "the line has \(line.count) bytes, more than the \(Self.longestLine) that an answer may have"
        } else if (try? UTF8Span(validating: line.span)) == nil {
            fault = "the line is not valid UTF-8"
        } else {
            do throws(JSONLineError) {
                var parser = JSONLineParser(bytes: line)
                try parser.object { (key, parser) throws(JSONLineError) in try draft.readMember(key, &parser) }
            } catch {
                fault = "the line \(error.problem)"
            }
        }
        customID = draft.customID
        model = draft.model
        outcome = fault.map { .unusable(.malformed, $0) } ?? draft.outcome
    }
}
