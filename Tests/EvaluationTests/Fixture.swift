import Evaluation

/// SplitMix64, so that what a test generates is the same everywhere.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A small run: five models that are right more or less often on the same rows.
enum Fixture {
    static let rows = 120

    static func data(texts: [String]? = nil, classNames: [String] = ["benign", "injection"]) -> EvaluationData {
        EvaluationData(
            labels: (0..<rows).map { $0 % classNames.count }, classNames: classNames,
            texts: texts ?? (0..<rows).map { "text \($0)" }, ids: (0..<rows).map { "row-\($0)" })
    }

    /// Wrong on every `period`-th row.
    static func model(
        _ key: String, wrongEvery period: Int, bytes: Int = 1_000_000, milliseconds: Double? = 1, path: String? = nil
    ) -> ModelResult {
        var logits: [Float] = []
        for row in 0..<rows {
            let label = row % 2
            let predicted = (row + key.count) % period == 0 ? 1 - label : label
            let margin = 0.5 + Float(row * 7 % 31) / 10
            logits += predicted == 0 ? [margin, -margin] : [-margin, margin]
        }
        return ModelResult(
            key: key, name: key == "int8" ? "INT8" : key.prefix(1).uppercased() + key.dropFirst(),
            path: path ?? "runs/demo/\(key)",
            parameters: bytes / 4, bytes: bytes, logits: logits, heads: [4, 3], feedForward: [256, 200],
            latency: milliseconds.map { LatencySummary(p50: $0, p90: $0 * 1.2, p99: $0 * 2, queries: 100, threads: 1) })
    }

    static let models = [
        model("teacher", wrongEvery: 40, bytes: 16_000_000, milliseconds: 4),
        model("labels_only", wrongEvery: 8, bytes: 4_000_000), model("student", wrongEvery: 20, bytes: 4_000_000),
        model("pruned", wrongEvery: 15, bytes: 3_000_000, milliseconds: 0.8),
        model("int8", wrongEvery: 14, bytes: 800_000, milliseconds: 0.5),
    ]

    static let record = RunRecord(
        recipe: "demo", resolvedRecipe: "schema: 1\nname: demo\n", environment: [.init("Machine", "two cores")],
        data: [.init("Test", "120 rows")],
        learningCurves: [
            LearningCurve(
                stage: "student",
                points: (1...300).map {
                    .init(step: $0, loss: 2 / Double($0), terms: ["kl": 1.5 / Double($0), "ce": 0.5])
                })
        ],
        headScores: [
            HeadScore(layer: 0, head: 0, score: 0.9, low: 0.7, high: 1.1),
            HeadScore(layer: 0, head: 1, score: 0.1, low: 0.0, high: 0.2, removedInRound: 1),
        ],
        commands: ["retort run demo.yaml"], digests: [.init("test.csv", "9f86d081")])
}
