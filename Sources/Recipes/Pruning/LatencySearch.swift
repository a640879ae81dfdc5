public import Compression
import Files
import Foundation
public import Models
import Tensors

/// Finds the sizes of an encoder's layers for the time that they take: a table of what blocks of each size cost on this
/// machine, the scores of what goes, and a knapsack over both.
public struct LatencySearch {
    /// A model on the front.
    public struct Candidate {
        public let heads: [Int]
        public let feedForward: [Int]
        /// From the table, and of the model itself.
        public let predictedMilliseconds: Double
        public let cost: MeasuredCost
        /// Mean KL from the unpruned model.
        public let divergence: Double
        /// The same after a short distillation; nil: there was none.
        public var distilledDivergence: Double?
        public let model: Models.Encoder
    }

    /// Milliseconds of a layer's attention with 0, 1, … heads, and of its feed-forward block by its size; at zero size 0.
    private struct LayerCosts {
        let attention: [Double]
        let feedForward: [(neurons: Int, milliseconds: Double)]
    }

    /// What the layers cost, and the last one, of which only first positions are computed where the head reads no others.
    private let costs: LayerCosts
    private let lastCosts: LayerCosts
    /// Milliseconds of everything else.
    private let fixedCost: Double
    private let model: Models.Encoder
    private let importance: ModelImportance
    private let calibration: CalibrationSequences
    private let request: PruningRequest

    /// Sizes that feed-forward blocks are offered at.
    private static let parts = 8

    /// Scores the model and measures the table.
    ///
    /// - Throws: `InputError` if the model cannot be scored by this criterion on these texts.
    public init(of model: Models.Encoder, _ request: PruningRequest, on calibration: CalibrationSequences) throws {
        self.model = model
        self.request = request
        self.calibration = calibration
        importance = try request.criterion.importance(
            of: model, calibration: calibration, normalize: .none, key: RandomKey(request.seed).mixed("search"))
        let configuration = model.configuration
        let texts = calibration.sequences
        /// An encoder whose chosen layers have these sizes, and the others none.
        func probe(_ heads: Int, _ neurons: Int, in chosen: Range<Int>) -> Models.Encoder {
            var probe = configuration
            probe.heads = configuration.heads.indices.map { chosen.contains($0) ? heads : 0 }
            probe.feedForward = configuration.feedForward.indices.map { chosen.contains($0) ? neurons : 0 }
            return Models.Encoder(probe, key: RandomKey(1))
        }
        let empty = probe(0, 0, in: 0..<0)
        fixedCost = MeasuredCost.milliseconds(of: [empty], on: texts, queries: request.queries)[0]
        let most = configuration.heads.max() ?? 0
        let sizes = Self.sizes(configuration.feedForward.max() ?? 0)
        func measured(_ chosen: Range<Int>) -> LayerCosts {
            /// What such a layer takes: its encoder and the empty one take turns, so that a busy machine slows both.
            func time(_ heads: Int, _ neurons: Int) -> Double {
                let times = MeasuredCost.milliseconds(
                    of: [empty, probe(heads, neurons, in: chosen)], on: texts, queries: request.queries)
                return (times[1] - times[0]) / Double(chosen.count)
            }
            // A larger block is not offered as a cheaper one because a measurement was disturbed.
            func costs(_ sizes: [Int], _ time: (Int) -> Double) -> [Double] {
                let times = sizes.filter { $0 > 0 }.map { chosen.isEmpty ? 0 : time($0) }
                return sizes.filter { $0 == 0 }.map { _ in 0 } + SizeSearch.monotone(times).map { max(0, $0) }
            }
            return LayerCosts(
                attention: costs(Array(0...most)) { time($0, 0) },
                feedForward: Array(zip(sizes, costs(sizes) { time(0, $0) })))
        }
        let layers = configuration.layers
        if configuration.pooling == .first, layers > 0 {
            costs = measured(0..<layers - 1)
            lastCosts = measured(layers - 1..<layers)
        } else {
            costs = measured(0..<layers)
            lastCosts = costs
        }
    }

    private static func sizes(_ widest: Int) -> [Int] {
        (0...parts).map { widest * $0 / parts }
    }

    /// The models that no other beats in both predicted time and loss, measured; from the fastest to the whole one.
    ///
    /// - Throws: `InputError` if the target in milliseconds is below the fastest one's.
    public func front(_ count: Int = 9) throws -> [Candidate] {
        let search = SizeSearch(blocks: blocks)
        if case .milliseconds(let limit) = request.target, fixedCost + search.smallestCost > limit {
            throw InputError(
                field: "--milliseconds",
                problem: "\(limit) ms cannot be met: the smallest layers that may be made here take "
                    + String(format: "%.3f ms, measured here", fixedCost + search.smallestCost),
                remedy: "ask for more, or lower --min-heads and --min-neurons")
        }
        var choices = search.front(count)
        if case .milliseconds(let limit) = request.target, let best = search.best(within: limit - fixedCost) {
            choices = (choices.filter { $0 != best } + [best]).sorted { $0.cost < $1.cost }
        }
        let models = try choices.map { try smaller($0) }
        let texts = calibration.sequences
        let times = MeasuredCost.milliseconds(of: models, on: texts, queries: request.queries)
        return try zip(choices, zip(models, times)).map { choice, made in
            Candidate(
                heads: made.0.configuration.heads, feedForward: made.0.configuration.feedForward,
                predictedMilliseconds: fixedCost + choice.cost,
                cost: MeasuredCost(of: made.0, on: texts, milliseconds: made.1),
                divergence: try OutputDivergence.mean(of: made.0, from: model, on: calibration), model: made.0)
        }
    }

    /// The front with the best few of the models that are fast enough distilled: those with the lowest divergence.
    ///
    /// - Parameters:
    ///   - limit: milliseconds, as measured.
    ///   - count: models that are distilled.
    public func distilling(
        _ front: [Candidate], within limit: Double, count: Int = 3, by distillation: ShortDistillation,
        progress: (Candidate) -> Void
    ) throws -> [Candidate] {
        // The whole model has nothing to recover.
        let best = front.indices.filter { front[$0].cost.milliseconds <= limit && front[$0].divergence > 1e-6 }
            .sorted { (front[$0].divergence, $0) < (front[$1].divergence, $1) }.prefix(count)
        var front = front
        for place in best {
            progress(front[place])
            try distillation(front[place].model)
            front[place].distilledDivergence =
                try OutputDivergence.mean(of: front[place].model, from: model, on: calibration)
        }
        return front
    }

    /// Attention of each layer, then the feed-forward blocks. Half of Fisher's score is the divergence's second-order change;
    /// other criteria's scores are as they are.
    private var blocks: [[SizeSearch.Option]] {
        let configuration = model.configuration
        func costs(_ layer: Int) -> LayerCosts { layer == configuration.layers - 1 ? lastCosts : self.costs }
        let attention = importance.heads.values.enumerated().map { layer, scores in
            let least = min(request.minimumHeads, configuration.heads[layer])
            let costs = costs(layer).attention
            return SizeSearch.options(scores: scores, sizes: Array(least...scores.count)) { costs[$0] }
        }
        let inner = importance.neurons.values.enumerated().map { layer, scores in
            let least = min(request.minimumNeurons, scores.count)
            let costs = costs(layer).feedForward
            let sizes = costs.map(\.neurons).filter { $0 < scores.count }.map { max($0, least) } + [scores.count]
            return SizeSearch.options(scores: scores, sizes: sizes) { size in
                costs.first { $0.neurons >= size }?.milliseconds ?? costs.last!.milliseconds
            }
        }
        return attention + inner
    }

    private func smaller(_ choice: SizeSearch.Choice) throws -> Models.Encoder {
        let layers = model.configuration.layers
        func removed(_ scores: [[Double]], _ kept: ArraySlice<Int>) -> Set<LayerUnit> {
            Set(
                zip(scores, kept).enumerated().flatMap { layer, block in
                    block.0.indices.sorted { (block.0[$0], $0) < (block.0[$1], $1) }.prefix(block.0.count - block.1)
                        .map { LayerUnit(layer: layer, index: $0) }
                })
        }
        return try model.removing(
            heads: removed(importance.heads.values, choice.units[..<layers]),
            neurons: removed(importance.neurons.values, choice.units[layers...]))
    }
}
