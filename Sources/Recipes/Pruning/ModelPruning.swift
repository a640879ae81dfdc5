public import Compression
import Files
import Foundation
import Models
import Tensors

/// Prunes a model that is there, without training: what `retort prune MODEL` does.
///
/// Whole layers go first, by `LayerRedundancy`; then heads and neurons with the lowest scores. A target in parameters or
/// milliseconds is met by the largest share of heads and neurons that meets it, found by halving; milliseconds are measured
/// on the pruned models themselves.
public struct ModelPruning<Model: PrunableDirectoryModel> {
    /// The model with the whole layers gone; heads are counted in its layers.
    public let base: Model
    public let layers: [LayerRecord]
    public let importance: ModelImportance
    private let original: Model
    private let request: PruningRequest
    private let calibration: CalibrationSequences

    /// What pruning came to.
    public struct Outcome {
        public let model: Model
        public let heads: [HeadRecord]
        public let feedForward: [FeedForwardRecord]
        /// Empty where all neurons stay.
        public let neurons: [LayerNeurons]
        public let before: MeasuredCost
        public let after: MeasuredCost
        /// Mean KL of the pruned model from the unpruned one over the texts.
        public let divergence: Double
        /// Shares of heads and neurons that stay.
        public let shares: (heads: Double, neurons: Double)
    }

    /// Scores the model.
    ///
    /// - Throws: `InputError` if it cannot be scored by this criterion on these texts.
    public init(of model: Model, _ request: PruningRequest, on calibration: CalibrationSequences) throws {
        original = model
        self.request = request
        self.calibration = calibration
        let key = RandomKey(request.seed).mixed("prune")
        try model.check(calibration)
        let count = model.scorableLayers.count
        if let keep = request.layers {
            guard (1...count).contains(keep) else {
                throw InputError(
                    field: "--keep-layers", problem: "\(keep) layers are to stay of \(count)",
                    remedy: "give 1 to \(count)")
            }
            let scores = try LayerRedundancy.scores(of: model, on: calibration, key: key.mixed("layers"))
            let removed = try LayerRecord.lowest(count - keep, in: scores)
            layers = LayerRecord.records(scores, removed: removed)
            base = removed.isEmpty ? model : try model.removing(layers: removed)
        } else {
            (layers, base) = ([], model)
        }
        if case .shares(let heads, let neurons) = request.target {
            try Self.requirePossible(heads, neurons, request, of: base.scorableLayers)
        }
        importance = try request.criterion.importance(
            of: base, calibration: calibration, normalize: request.normalize, key: key.mixed("scores"),
            neurons: request.prunesNeurons)
    }

    /// The largest model that meets the target, with what it costs.
    ///
    /// - Parameter before: the cost of the model as it was before anything was removed, where that is not the model which
    ///   was given here.
    /// - Throws: `InputError` if the target cannot be met; it says what can.
    public func outcome(comparedWith before: MeasuredCost? = nil) throws -> Outcome {
        var shares: (heads: Double, neurons: Double)
        /// Shares that are tried if these turn out not to meet the target.
        var smaller = 0..<0
        switch request.target {
        case .shares(let heads, let neurons): shares = (heads, neurons)
        case .parameters(let limit):
            let step = try largestStep("\(limit) parameters", field: "--parameters") { model in
                let count = model.cost.parameterCount
                return (count <= limit, "\(count) parameters")
            }
            shares = self.shares(step)
        case .milliseconds(let limit):
            let step = try largestStep(Self.words(limit), field: "--milliseconds") { model in
                let time = MeasuredCost.milliseconds(
                    of: [model], on: calibration.sequences, queries: request.queries)[0]
                return (time <= limit, Self.measured(time))
            }
            (shares, smaller) = (self.shares(step), 0..<step)
        }
        var (model, pruner) = try pruned(shares)
        let texts = calibration.sequences
        var times = MeasuredCost.milliseconds(of: [original, model], on: texts, queries: request.queries)
        // Times vary: what met the target once is handed over only if it meets it in the measurement that is shown.
        while case .milliseconds(let limit) = request.target, times[1] > limit {
            guard let step = smaller.popLast() else {
                throw unreachable(Self.words(limit), field: "--milliseconds", found: Self.measured(times[1]))
            }
            shares = self.shares(step)
            (model, pruner) = try pruned(shares)
            times = MeasuredCost.milliseconds(of: [original, model], on: texts, queries: request.queries)
        }
        return Outcome(
            model: model, heads: pruner.heads, feedForward: pruner.feedForward, neurons: pruner.neurons,
            before: before ?? MeasuredCost(of: original, on: texts, milliseconds: times[0]),
            after: MeasuredCost(of: model, on: texts, milliseconds: times[1]),
            divergence: try OutputDivergence.mean(of: model, from: original, on: calibration), shares: shares)
    }

    /// Refuses shares that the minimums per layer do not allow, before anything is scored.
    private static func requirePossible(
        _ heads: Double, _ neurons: Double, _ request: PruningRequest, of layers: [ScorableLayer]
    ) throws {
        _ = try PruningSchedule(
            unitsPerLayer: layers.map(\.attentionUnits), keep: heads, rounds: 1, minimum: request.minimumHeads,
            minimumName: "--min-heads", field: "--keep")
        _ = try PruningSchedule(
            unitsPerLayer: layers.map(\.neurons), keep: neurons, rounds: 1, minimum: request.minimumNeurons,
            minimumName: "--min-neurons", field: "--keep-neurons")
    }

    private static var steps: Int { 64 }

    /// Shares of heads and neurons, in steps of a 64th, within what the minimums allow.
    private func shares(_ step: Int) -> (heads: Double, neurons: Double) {
        let share = Double(step) / Double(Self.steps)
        return (max(share, smallestShares.heads), max(share, smallestShares.neurons))
    }

    /// The largest step whose model meets a condition; that of the smallest one that is possible must.
    private func largestStep(
        _ wanted: String, field: String, _ judge: (Model) throws -> (meets: Bool, found: String)
    ) throws -> Int {
        let (meets, found) = try judge(try pruned(shares(0)).model)
        guard meets else { throw unreachable(wanted, field: field, found: found) }
        var (low, high) = (0, Self.steps + 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if try middle <= Self.steps && judge(try pruned(shares(middle)).model).meets {
                low = middle
            } else {
                high = middle
            }
        }
        return low
    }

    private func unreachable(_ wanted: String, field: String, found: String) -> InputError {
        InputError(
            field: field, problem: "\(wanted) cannot be met: the smallest model that may be made here has \(found)",
            remedy: "ask for more, keep fewer layers, or lower --min-heads and --min-neurons")
    }

    private static func words(_ limit: Double) -> String { "\(limit) ms" }
    private static func measured(_ time: Double) -> String { String(format: "%.3f ms, measured here", time) }

    /// The least that the minimums per layer allow; a share is never 0.
    private var smallestShares: (heads: Double, neurons: Double) {
        let layers = base.scorableLayers
        func share(_ counts: [Int], _ minimum: Int) -> Double {
            let total = max(1, counts.reduce(0, +))
            return max(Double(counts.reduce(0) { $0 + min($1, minimum) }), 0.5) / Double(total)
        }
        return (
            share(layers.map(\.attentionUnits), request.minimumHeads),
            share(layers.map(\.neurons), request.minimumNeurons)
        )
    }

    private func pruned(_ shares: (heads: Double, neurons: Double)) throws -> (model: Model, pruner: StructuredPruner) {
        let layers = base.scorableLayers
        let options = PruningOptions(
            criterion: request.criterion, normalize: request.normalize, keepHeads: shares.heads,
            keepNeurons: shares.neurons, rounds: 1, minimumHeads: request.minimumHeads,
            minimumNeurons: request.minimumNeurons)
        var pruner = try StructuredPruner(
            options, headsPerLayer: layers.map(\.attentionUnits), neuronsPerLayer: layers.map(\.neurons))
        return (try pruner.prune(base, by: importance), pruner)
    }
}

extension PruningRequest {
    /// Whether neurons go at all.
    var prunesNeurons: Bool {
        if case .shares(_, let neurons) = target { neurons < 1 } else { true }
    }
}
