import Compression
import Evaluation
import Foundation
import Recipes

/// What pruning comes to: the scores of the heads, and what the model costs before and after.
struct PruneTable: Encodable {
    struct Cost: Encodable {
        var parameters: Int
        var operations: Int
        var milliseconds: Double

        init(_ cost: MeasuredCost) {
            (parameters, operations, milliseconds) = (cost.parameters, cost.operations, cost.milliseconds)
        }
    }

    struct Head: Encodable {
        var layer: Int
        var head: Int
        var score: Double
        var low: Double
        var high: Double
        /// Nil where the criterion cannot say.
        var toldFromZero: Bool?
        var stays: Bool
    }

    struct Layer: Encodable {
        var layer: Int
        var score: Double
        var stays: Bool
    }

    var schema = 1
    var criterion: String
    var rankStability: Double?
    /// Nil where all neurons stay.
    var neuronRankStability: Double?
    var layers: [Layer]
    var heads: [Head]
    var headsPerLayer: [Int]
    var feedForward: [Int]
    /// Tokens of the text that operations are counted for.
    var length: Int
    var before: Cost
    var after: Cost
    /// Mean KL from the unpruned model.
    var divergence: Double

    init<Model>(_ outcome: ModelPruning<Model>.Outcome, layers: [LayerRecord], criterion: ImportanceCriterion) {
        self.criterion = criterion.rawValue
        self.layers = layers.map { Layer(layer: $0.layer, score: $0.score, stays: !$0.isRemoved) }
        rankStability = outcome.heads.first?.rankStability
        neuronRankStability = outcome.feedForward.last?.rankStability
        heads = outcome.heads.map {
            Head(
                layer: $0.layer, head: $0.head, score: $0.score, low: $0.low, high: $0.high, toldFromZero: $0.isTold,
                stays: $0.removedInRound == nil)
        }
        let left = outcome.model.scorableLayers
        (headsPerLayer, feedForward) = (left.map(\.attentionUnits), left.map(\.neurons))
        length = outcome.before.length
        (before, after) = (Cost(outcome.before), Cost(outcome.after))
        divergence = outcome.divergence
    }

    func print(showsHeads: Bool) {
        if !layers.isEmpty {
            PrintedColumns.print(
                [["LAYER", "1 - COS", ""]]
                    + layers.map { ["\($0.layer)", String(format: "%.5f", $0.score), $0.stays ? "" : "goes"] })
        }
        if showsHeads {
            PrintedColumns.print(
                [["LAYER", "HEAD", criterion.uppercased(), "LOW", "HIGH", ""]]
                    + heads.map { head in
                        [
                            "\(head.layer)", "\(head.head)", Self.number(head.score), Self.number(head.low),
                            Self.number(head.high),
                            [head.stays ? nil : "goes", head.toldFromZero == false ? "not told from zero" : nil]
                                .compactMap { $0 }.joined(separator: ", "),
                        ]
                    })
            if let rankStability {
                printData("rank correlation between halves of the texts: \(String(format: "%.3f", rankStability))")
            }
            if let neuronRankStability {
                printData("the same of the neurons: \(String(format: "%.3f", neuronRankStability))")
            }
        }
        func row(_ name: String, _ cost: Cost) -> [String] {
            [
                name, "\(cost.parameters)", String(format: "%.1f M", Double(cost.operations) / 1e6),
                String(format: "%.3f", cost.milliseconds),
            ]
        }
        PrintedColumns.print(
            [["", "PARAMETERS", "FLOPS (\(length) TOKENS)", "MS A TEXT"], row("now", before), row("pruned", after)])
        printData("heads per layer \(headsPerLayer), feed-forward \(feedForward)")
        printData("mean KL from the unpruned model: \(Self.number(divergence))")
    }

    private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}

/// How every criterion compares with masking heads one at a time.
struct CriterionTable: Encodable {
    struct Row: Encodable {
        var criterion: String
        /// Spearman's correlation with ablation.
        var ablationCorrelation: Double?
        var rankStability: Double?
        var seconds: Double
        /// Of the heads that ablation would remove, those that the criterion would remove too.
        var sharedChoices: Int
    }

    var schema = 1
    var removed: Int
    var criteria: [Row]

    init(_ comparison: CriterionComparison) {
        let agreement = comparison.agreement(with: .ablation)
        let reference = comparison.entries.first { $0.criterion == .ablation }?.chosen ?? []
        removed = reference.count
        criteria = comparison.entries.map { entry in
            Row(
                criterion: entry.criterion.rawValue, ablationCorrelation: agreement[entry.criterion],
                rankStability: entry.scores.rankStability, seconds: entry.seconds,
                sharedChoices: entry.chosen.intersection(reference).count)
        }
    }

    func print() {
        func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "" }
        PrintedColumns.print(
            [["CRITERION", "SPEARMAN WITH ABLATION", "RANK STABILITY", "SECONDS", "SAME OF \(removed)"]]
                + criteria.map {
                    [
                        $0.criterion, number($0.ablationCorrelation), number($0.rankStability),
                        String(format: "%.2f", $0.seconds), "\($0.sharedChoices)",
                    ]
                })
    }
}

/// Models that no other beats in both time and divergence.
struct FrontTable: Encodable {
    struct Row: Encodable {
        var heads: [Int]
        var feedForward: [Int]
        var parameters: Int
        var predictedMilliseconds: Double
        var milliseconds: Double
        var divergence: Double
        /// After a short distillation; nil: there was none.
        var distilledDivergence: Double?
    }

    var schema = 1
    var limit: Double?
    var front: [Row]

    init(_ front: [LatencySearch.Candidate], limit: Double?) {
        self.limit = limit
        self.front = front.map {
            Row(
                heads: $0.heads, feedForward: $0.feedForward, parameters: $0.cost.parameters,
                predictedMilliseconds: $0.predictedMilliseconds, milliseconds: $0.cost.milliseconds,
                divergence: $0.divergence, distilledDivergence: $0.distilledDivergence)
        }
    }

    /// The model with the lowest divergence of those that are fast enough, as measured; after distillation, where there was
    /// one.
    func chosen(of front: [LatencySearch.Candidate]) -> LatencySearch.Candidate? {
        limit.flatMap { limit in
            front.filter { $0.cost.milliseconds <= limit }
                .min { ($0.distilledDivergence ?? $0.divergence) < ($1.distilledDivergence ?? $1.divergence) }
        }
    }

    func print() {
        PrintedColumns.print(
            [["MS PREDICTED", "MS MEASURED", "PARAMETERS", "MEAN KL", "DISTILLED", "HEADS", "FEED-FORWARD"]]
                + front.map {
                    [
                        String(format: "%.3f", $0.predictedMilliseconds), String(format: "%.3f", $0.milliseconds),
                        "\($0.parameters)", String(format: "%.4g", $0.divergence),
                        $0.distilledDivergence.map { String(format: "%.4g", $0) } ?? "–", "\($0.heads)",
                        "\($0.feedForward)",
                    ]
                })
    }
}

/// What single weights at zero come to: size, never speed.
struct SparseTable: Encodable {
    var schema = 1
    var weights: Int
    var zeros: Int
    var denseBytes: Int
    var sparseBytes: Int
    /// Mean KL from the dense model.
    var divergence: Double

    init(_ result: SparseMasks.Result, divergence: Double) {
        (weights, zeros) = (result.weights, result.zeros)
        (denseBytes, sparseBytes) = (result.denseBytes, result.sparseBytes)
        self.divergence = divergence
    }

    func print() {
        printData(
            String(
                format: "%d of %d weights of the blocks are zero (%.1f %%)", zeros, weights,
                100 * Double(zeros) / Double(max(1, weights))))
        printData(
            String(
                format: "stored with a mask %.2f MB, densely %.2f MB; the model is no faster here",
                Double(sparseBytes) / 1e6,
                Double(denseBytes) / 1e6))
        printData("mean KL from the dense model: \(String(format: "%.4g", divergence))")
    }
}

/// Columns that are all flush left.
private enum PrintedColumns {
    static func print(_ rows: [[String]]) {
        for line in AlignedTable.lines(rows, leading: .max) { printData(line.replacing(/\ +$/, with: "")) }
    }
}
