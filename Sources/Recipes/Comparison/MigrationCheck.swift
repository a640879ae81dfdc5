public import Evaluation
import Files
import Formats
import Foundation
import Models

/// Asks two versions the same, or reads what they answered, and judges every answer.
public struct MigrationCheck {
    public struct Options {
        public var prompt = "prompt"
        public var expected = "expected_output"
        /// Whether some row must have that column.
        public var requiresExpected = false
        public var id: String?
        /// Of rows without a `similarity_threshold`.
        public var threshold = 0.8
        public var metric = Metric.chrf
        public var embedder: String?
        public var schema: String?
        public var prices: String?
        public var gates: [String] = []
        public var strict = false
        public var maxTokens = 128
        public var seed: UInt64 = 0

        public init() {}
    }

    /// What an answer is scored by against the expected one, 0…1.
    public enum Metric: String, CaseIterable, Sendable {
        case exactMatch = "exact_match"
        case chrf
        case rougeL = "rouge_l"

        func score(_ text: String, _ expected: String) -> Double {
            let row = GenerationMetrics.Row(text, expected: expected)
            return switch self {
            case .exactMatch: row.isExact ? 1 : 0
            case .chrf: row.chrf / 100
            case .rougeL: row.rouge.longest
            }
        }
    }

    private let examples: ExampleRows
    private let address: DataAddress
    private let old: Contestant
    private let new: Contestant
    private let options: Options
    private let gates: [MigrationGate]
    private let schema: JSONSchema?
    private let prices: PriceTable?
    private let thresholds: [Double]
    private let similarity: TextSimilarity?

    /// Reads everything but the models' answers.
    ///
    /// - Throws: `InputError` or `InputErrors` naming what does not pair up, or cannot be read.
    public init(_ old: String, _ new: String, data: String, _ options: Options) throws {
        self.options = options
        gates = try options.gates.map { text throws(InputError) in try MigrationGate(text) }
        address = try DataAddress(data)
        var columns = ExampleRows.Columns(text: options.prompt, label: options.expected, id: options.id)
        columns.labels = options.requiresExpected ? .somewhere : .anywhere
        columns.optional = ["owner", "priority", "similarity_threshold"]
        examples = try ExampleRows(reading: address, columns)
        thresholds = try Self.thresholds(examples, standard: options.threshold, hasMeanings: options.embedder != nil)
        schema = try options.schema.map { try JSONSchema(reading: URL(fileURLWithPath: $0)) }
        prices = try options.prices.map(PriceTable.init(reading:))
        similarity = try options.embedder.map(TextSimilarity.init)
        self.old = try Contestant(old, examples)
        self.new = try Contestant(new, examples)
        try checkGates()
    }

    /// Refuses gates that no answers can meet or miss, before answers are made.
    private func checkGates() throws {
        let priorities = Set((examples.columns["priority"] ?? []).filter { !$0.isEmpty })
        var problems: [InputError] = []
        for gate in gates {
            func refuse(_ problem: String, _ remedy: String) {
                problems.append(InputError(field: "--gate", problem: "\"\(gate.text)\": \(problem)", remedy: remedy))
            }
            if let priority = gate.priority, !priorities.contains(priority) {
                refuse(
                    "no row has the priority \(priority)",
                    priorities.isEmpty
                        ? "there is no column priority, or nothing in it"
                        : "there are: \(priorities.sorted().joined(separator: ", "))")
            }
            if gate.metric == .jsonRate, schema == nil { refuse("needs a schema", "give --json-schema") }
            if gate.metric == .cost, prices == nil { refuse("needs prices", "give --prices") }
            if gate.metric == .similarity, similarity == nil { refuse("needs meanings", "give --embedder") }
        }
        guard problems.isEmpty else { throw InputErrors(problems) }
    }

    /// Whether a side writes its answers now, token by token.
    public var generates: Bool {
        [old, new].contains { if case .decoder = $0 { true } else { false } }
    }

    /// What a threshold can be: cosines begin at −1, scores at 0, which every answer reaches.
    public static func isThreshold(_ value: Double, hasMeanings: Bool) -> Bool {
        hasMeanings ? (-1...1).contains(value) : value > 0 && value <= 1
    }

    private static func thresholds(
        _ examples: ExampleRows, standard: Double, hasMeanings: Bool
    ) throws -> [Double] {
        guard let column = examples.columns["similarity_threshold"] else {
            return [Double](repeating: standard, count: examples.count)
        }
        var problems: [InputError] = []
        let values = column.enumerated().map { row, text in
            let text = text.trimmingCharacters(in: .whitespaces)
            if text.isEmpty { return standard }
            if let value = Double(text), isThreshold(value, hasMeanings: hasMeanings) { return value }
            problems.append(
                InputError(
                    file: examples.places[row], field: "similarity_threshold",
                    problem: "found '\(text.prefix(40))', expected a number "
                        + (hasMeanings ? "from -1 to 1" : "above 0 and up to 1 (from -1 with --embedder)"),
                    remedy: "write it as 0.85"))
            return standard
        }
        guard problems.isEmpty else { throw InputErrors(ExampleRows.capped(problems, file: examples.file)) }
        return values
    }

    /// Gets the answers, and judges them.
    ///
    /// - Parameter progress: hears how many of how many answers are there; what it throws ends the work.
    public func migration(commands: [String], progress: (Int, Int) throws -> Void) throws -> Migration {
        for side in [old, new] { try check(side) }
        let texts = try [old, new].enumerated().map { index, side in
            try answers(side) { done, total in try progress(index * total + done, 2 * total) }
        }
        if prices != nil {
            for (side, texts) in zip([old, new], texts)
            where zip(texts.promptTokens, texts.completionTokens).allSatisfy({ $0 == nil || $1 == nil }) {
                throw InputError(
                    file: side.path, field: "--prices", problem: "none of its answers has token counts",
                    remedy: "record prompt_tokens and completion_tokens, or usage; or leave --prices out")
            }
        }
        let expected =
            examples.labels?.map { $0.isEmpty ? nil : $0 } ?? [String?](repeating: nil, count: examples.count)
        // Where nothing is expected the old answer is what the new one is held to.
        let targets = examples.ids.indices.map { expected[$0] ?? texts[0].texts[$0] }
        let near = try texts.map { try similarity?.cosines($0.texts, targets) }
        let between = try similarity?.cosines(texts[1].texts, texts[0].texts)
        let rows = try examples.ids.indices.map { row in
            func answer(_ index: Int) throws -> MigrationRow.Answer {
                let side = texts[index]
                var answer = MigrationRow.Answer(
                    text: side.texts[row], promptTokens: side.promptTokens[row],
                    completionTokens: side.completionTokens[row], latencyMs: side.latencies[row])
                answer.cost = prices?.cost(
                    isNew: index == 1, prompt: answer.promptTokens, completion: answer.completionTokens)
                answer.similarity = near[index]?[row]
                answer.score = options.metric.score(answer.text, targets[row])
                do {
                    answer.jsonFault = try schema?.fault(in: answer.text)
                } catch {
                    var error = error
                    error.problem += ", the \(index == 0 ? "old" : "new") answer to \(examples.ids[row].prefix(80))"
                    throw error
                }
                return answer
            }
            return try MigrationRow(
                id: examples.ids[row], owner: filled("owner", row), priority: filled("priority", row),
                prompt: examples.texts[row], expected: expected[row], threshold: thresholds[row], old: answer(0),
                new: answer(1), similarity: between?[row], checksJSON: schema != nil)
        }
        let files =
            [options.schema, options.prices].compactMap { $0 }
            + [old, new].compactMap { if case .recording(let answers) = $0 { answers.path } else { nil } }
        return try Migration(
            old: old.path, new: new.path, rows: rows, gates: gates, strict: options.strict, checksJSON: schema != nil,
            digests: [.init(examples.file, address.digest())]
                + files.map { .init($0, try Digest.sha256(fileAt: URL(fileURLWithPath: $0))) },
            commands: commands, seed: options.seed)
    }

    private func filled(_ column: String, _ row: Int) -> String? {
        examples.columns[column].flatMap { $0[row].isEmpty ? nil : $0[row] }
    }

    /// Refuses a side that cannot answer all rows, before the other has spent hours on them.
    private func check(_ side: Contestant) throws {
        switch side {
        case .decoder(let url): try GeneratedTexts.requireRoom(for: examples, in: url)
        case .recording: _ = try answers(side) { _, _ in }
        case .encoder(let model):
            guard model.classifier.configuration.head == .classification else {
                throw InputError(
                    file: model.url.path, problem: "gives no text and no class",
                    remedy: "compare numbers with retort eval")
            }
        }
    }

    private func answers(_ side: Contestant, _ progress: (Int, Int) throws -> Void) throws -> GeneratedTexts {
        switch side {
        case .decoder(let url):
            return try GeneratedTexts(
                continuing: examples.texts, with: url, maxTokens: options.maxTokens, progress: progress)
        case .recording(let answers) where answers.kind == .classes:
            return try GeneratedTexts(answers, examples, text: \.label)
        case .recording(let answers): return try GeneratedTexts(answers, examples)
        case .encoder(let model):
            return try GeneratedTexts(classifying: examples.texts, with: model, progress: progress)
        }
    }
}
