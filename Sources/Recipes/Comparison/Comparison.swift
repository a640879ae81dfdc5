import Evaluation
import Files
import Formats
import Foundation

/// Two models, or a model alone, on the same examples.
public struct Comparison {
    public struct Options {
        public var text = "text"
        public var label = "label"
        /// Whether every row must have that column.
        public var requiresLabel = false
        public var id: String?
        public var slices: [String] = []
        public var gates: [String] = []
        public var strict = false
        /// Single queries that are timed; 0 times none.
        public var queries = 200
        /// Texts per pass.
        public var batch = 64
        /// Whether decoders continue the texts, instead of being judged by how likely they find them.
        public var generates = false
        public var maxTokens = 128
        /// An embedding model that says how near generated texts come to the expected ones.
        public var embedder: String?
        /// For random numbers of intervals.
        public var seed: UInt64 = 0

        public init() {}
    }

    /// A side with its key in the report.
    struct Side {
        let key: String
        let name: String
        let contestant: Contestant
    }

    let examples: ExampleRows
    let options: Options
    let sides: [Side]
    let address: DataAddress
    let commands: [String]

    /// Opens the models, and reads the examples.
    ///
    /// - Parameters:
    ///   - model: what is judged.
    ///   - against: what it is compared with: `teacher` in gates.
    /// - Throws: `InputError` or `InputErrors` naming what does not pair up.
    public init(_ model: String, against: String?, data: String, _ options: Options, commands: [String] = []) throws {
        address = try DataAddress(data)
        var columns = ExampleRows.Columns(
            text: options.text, label: options.label, id: options.id, others: options.slices)
        columns.labels = options.requiresLabel ? .everywhere : .everywhereOrNowhere
        examples = try ExampleRows(reading: address, columns)
        self.options = options
        self.commands = commands
        var sides: [Side] = []
        if let against {
            sides.append(Side(key: "teacher", name: "Teacher", contestant: try Contestant(against, examples)))
        }
        sides.append(Side(key: "model", name: "Model", contestant: try Contestant(model, examples)))
        self.sides = sides
    }

    /// Computes everything.
    ///
    /// - Parameter progress: hears how many of how many examples are done; what it throws ends the work.
    /// - Throws: `InputError` or `InputErrors` where models and examples do not fit each other.
    public func report(progress: @escaping (Int, Int) throws -> Void = { _, _ in }) throws -> any ComparisonReport {
        switch try mode {
        case .classes: try classReport()
        case .numbers: try valueReport(.number)
        case .embeddings: try valueReport(.embedding)
        case .likelihood: try languageModelReport(progress)
        case .generation: try generationReport(progress)
        }
    }

    /// What the sides are judged by.
    enum Mode {
        case classes, numbers, embeddings
        /// Of decoders: how likely they find the texts.
        case likelihood
        case generation
    }

    /// - Throws: `InputError` for sides of different kinds.
    var mode: Mode {
        get throws {
            let kinds = sides.map(\.contestant.kind)
            guard let kind = kinds[0], kinds.allSatisfy({ $0 == kind }) else {
                throw InputError(
                    file: sides[sides.count - 1].contestant.path,
                    problem:
                        "the sides give \(kinds.map { $0?.rawValue ?? "nothing that can be judged" }.joined(separator: " and "))",
                    remedy: "compare two of a kind: classes, a number, an embedding or a text")
            }
            switch kind {
            case .classes: return .classes
            case .number: return .numbers
            case .embedding: return .embeddings
            case .text: return sides.allSatisfy(\.isDecoder) && !options.generates ? .likelihood : .generation
            }
        }
    }

    /// A row as each side answered it.
    func sample(
        _ row: Int, expected: String?, answer: (Int) -> String, error: (Int) -> Double
    ) -> ScoreReport.Sample {
        var sample = ScoreReport.Sample(
            id: examples.ids[row], text: examples.texts[row], expected: expected, answers: [:], errors: [:])
        for (index, side) in sides.enumerated() {
            sample.answers[side.key] = answer(index)
            sample.errors[side.key] = error(index)
        }
        return sample
    }

    /// - Throws: `InputError` where there is no column of labels.
    func requireLabels(_ what: String) throws -> [String] {
        guard let labels = examples.labels else {
            throw InputError(
                file: examples.file, field: options.label, problem: "there is no such column, and \(what) needs it",
                remedy: "name the column of what is expected with --label")
        }
        return labels
    }

    func gates(_ metrics: [Gate.Metric]) throws -> [Gate] {
        try options.gates.map { text in
            let parts = text.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else {
                throw InputError(
                    field: "--gate", problem: "\"\(text)\" is not a metric and a condition",
                    remedy: "write for instance --gate 'accuracy >= 0.93'")
            }
            return try Gate(
                metric: String(parts[0]), expression: String(parts[1]), models: sides.map(\.key), metrics: metrics,
                subject: "model")
        }
    }

    func record() throws -> RunRecord {
        RunRecord(
            recipe: "eval", environment: RunEnvironment.current().facts.map { .init($0.name, $0.value) },
            data: [.init("Rows", "\(grouped(examples.count)) of \(examples.file)")], commands: commands,
            digests: [.init(examples.file, try address.digest())]
                + sides.compactMap { side in
                    guard case .recording(let answers) = side.contestant else { return nil }
                    return (try? Digest.sha256(fileAt: URL(fileURLWithPath: answers.path))).map {
                        .init(answers.path, $0)
                    }
                })
    }
}
