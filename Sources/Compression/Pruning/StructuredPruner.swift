import Files
public import Models
public import Tensors

/// Removes heads and feed-forward neurons in rounds: each scores what is left, and removes an equal share of what is to
/// go. Between the rounds the model is usually trained on to recover.
///
/// Where scores are normalized by layer, every round divides by its own norms: in a layer that has lost units the others count
/// for more, which keeps layers from being emptied. (Divided by the norms of the first round, models were worse:
/// 83.33 ± 0.54 instead of 84.00 ± 0.09 % in the table of the README, with 20 % of the heads in four rounds.)
///
/// The state is `Codable`: a pruner that was saved after a round goes on with the next one exactly as it would have.
public struct StructuredPruner: Codable, Equatable, Sendable {
    public let options: PruningOptions
    /// Rounds that are done.
    public private(set) var roundsDone = 0
    /// Every head of the unpruned model, in the order of layer and head, as the last round left it; empty before the
    /// first round.
    public private(set) var heads: [HeadRecord] = []
    /// Every round's effect on every layer's neurons; empty if all neurons stay.
    public private(set) var feedForward: [FeedForwardRecord] = []
    /// What is known about every neuron of the unpruned model, layer by layer; empty if all neurons stay.
    public var neurons: [LayerNeurons] { scoredNeurons ?? [] }
    /// Nil before the first round, and in a state that was saved when neurons had no records.
    private var scoredNeurons: [LayerNeurons]?
    private let headsPerLayer: [Int]
    private let neuronsPerLayer: [Int]

    /// - Parameter configuration: of the unpruned model.
    /// - Throws: `InputError` or `InputErrors` if the options are out of range or ask for more than the model can lose.
    public init(_ options: PruningOptions, configuration: EncoderConfiguration) throws {
        try self.init(options, headsPerLayer: configuration.heads, neuronsPerLayer: configuration.feedForward)
    }

    /// - Parameters:
    ///   - headsPerLayer: units of attention of the unpruned model: heads, or groups of a decoder.
    ///   - neuronsPerLayer: feed-forward neurons of the unpruned model.
    /// - Throws: `InputError` or `InputErrors` if the options are out of range or ask for more than the model can lose.
    public init(_ options: PruningOptions, headsPerLayer: [Int], neuronsPerLayer: [Int]) throws {
        self.options = options
        self.headsPerLayer = headsPerLayer
        self.neuronsPerLayer = neuronsPerLayer
        _ = try (headSchedule, neuronSchedule)
    }

    public var isFinished: Bool { roundsDone >= options.rounds }

    /// Refuses a state that rounds do not leave, or that is of another model than the one which the last round left.
    ///
    /// - Throws: `InputError`.
    public func check(_ model: some PrunableModel) throws {
        guard !isFinished else { return }
        _ = try originalHeads(of: model)
    }

    /// Does the next round on a model as the last one, and training after it, left it.
    ///
    /// - Parameters:
    ///   - model: stays as it is, but for its gradients, which are zero afterwards.
    ///   - calibration: examples; nil will do where the criterion needs none.
    ///   - key: draws the resamples of the scores' intervals; the round is mixed in.
    /// - Returns: The smaller model.
    /// - Throws: `InputError` if no round is left, the model is not what the last round left, or it cannot be scored.
    ///   The pruner is then as it was.
    public mutating func prune<Model: PrunableModel>(
        _ model: Model, calibration: CalibrationSequences?, key: RandomKey
    ) throws -> Model {
        _ = try (headSchedule, neuronSchedule)
        _ = try originalHeads(of: model)
        let importance = try options.criterion.importance(
            of: model, calibration: calibration, normalize: options.normalize, key: key.mixed(roundsDone + 1),
            neurons: options.keepNeurons < 1)
        return try prune(model, by: importance)
    }

    /// Does the next round by scores that are known already.
    ///
    /// - Throws: `InputError` if no round is left, the state is none that rounds leave, or the model is not what the last round
    ///   left. The pruner is then as it was.
    public mutating func prune<Model: PrunableModel>(_ model: Model, by importance: ModelImportance) throws -> Model {
        let (schedule, neuronSchedule) = try (headSchedule, neuronSchedule)
        let original = try originalHeads(of: model)
        let round = roundsDone + 1
        let removedHeads = try LayerUnit.lowest(
            schedule.removals(inRound: round), in: importance.heads.values, keepingAtLeast: options.minimumHeads)
        let removedNeurons = try LayerUnit.lowest(
            neuronSchedule.removals(inRound: round), in: importance.neurons.values,
            keepingAtLeast: options.minimumNeurons)
        let pruned = try model.removing(heads: Set(removedHeads), neurons: Set(removedNeurons))
        recordHeads(importance.heads, removed: Set(removedHeads), original: original, round: round)
        if options.keepNeurons < 1 {
            recordNeurons(importance.neurons, removed: removedNeurons, round: round)
        }
        roundsDone = round
        return pruned
    }
}

extension StructuredPruner {
    private var headSchedule: PruningSchedule {
        get throws {
            try PruningSchedule(
                unitsPerLayer: headsPerLayer, keep: options.keepHeads, rounds: options.rounds,
                minimum: options.minimumHeads, field: "prune.heads")
        }
    }

    private var neuronSchedule: PruningSchedule {
        get throws {
            try PruningSchedule(
                unitsPerLayer: neuronsPerLayer, keep: options.keepNeurons, rounds: options.rounds,
                minimum: options.minimumNeurons, minimumName: "min_neurons", field: "prune.feed_forward")
        }
    }

    /// The numbers in the unpruned model of the heads that a model still has, per layer.
    private func originalHeads(of model: some PrunableModel) throws -> [[Int]] {
        guard roundsDone >= 0, !isFinished else {
            throw InputError(
                problem: "all \(options.rounds) rounds of pruning are done", remedy: "start a new run to prune further")
        }
        try checkNeurons()
        let left = headsLeft
        let layers = model.scorableLayers
        let found = (heads: layers.map(\.attentionUnits), neurons: layers.map(\.neurons))
        guard found.heads == left.map(\.count), found.neurons == neuronsLeft else {
            throw InputError(
                problem: "after \(roundsDone) rounds of pruning the model should have \(left.map(\.count)) heads and "
                    + "\(neuronsLeft) neurons per layer, found \(found.heads) and \(found.neurons)",
                remedy: "give the model that the last round left, or start pruning again")
        }
        return left
    }

    private var headsLeft: [[Int]] {
        guard roundsDone > 0 else { return headsPerLayer.map { Array(0..<$0) } }
        return headsPerLayer.indices.map { layer in
            heads.filter { $0.layer == layer && $0.removedInRound == nil }.map(\.head)
        }
    }

    private var neuronsLeft: [Int] {
        roundsDone == 0 || options.keepNeurons == 1
            ? neuronsPerLayer : feedForward.filter { $0.round == roundsDone }.map(\.after)
    }

    /// Refuses neurons that rounds do not leave.
    private func checkNeurons() throws {
        guard options.keepNeurons < 1, roundsDone > 0, let scoredNeurons else { return }
        let left = neuronsLeft
        let isWhole =
            scoredNeurons.count == neuronsPerLayer.count && left.count == neuronsPerLayer.count
            && scoredNeurons.indices.allSatisfy {
                scoredNeurons[$0].isConsistent(
                    layer: $0, count: neuronsPerLayer[$0], left: left[$0], rounds: roundsDone)
            }
        guard isWhole else {
            throw InputError(
                problem: "the saved state of pruning does not know every neuron of \(neuronsPerLayer) in the layers",
                remedy: "start pruning again")
        }
    }

    private mutating func recordHeads(
        _ scores: ImportanceScores, removed: Set<LayerUnit>, original: [[Int]], round: Int
    ) {
        heads.removeAll { $0.removedInRound == nil }
        for (layer, numbers) in original.enumerated() {
            for (index, number) in numbers.enumerated() {
                let score = scores.values[layer][index]
                let interval = scores.intervals?[layer][index] ?? score...score
                heads.append(
                    HeadRecord(
                        layer: layer, head: number, score: score, low: interval.lowerBound, high: interval.upperBound,
                        rankStability: scores.rankStability, roundScored: round,
                        removedInRound: removed.contains(LayerUnit(layer: layer, index: index)) ? round : nil,
                        isTold: scores.canBeZero ? interval.lowerBound > 0 : nil))
            }
        }
        heads.sort { ($0.layer, $0.head) < ($1.layer, $1.head) }
    }

    /// - Parameter removed: in an order that does not change from run to run, as a set's does: it is summed over.
    private mutating func recordNeurons(_ importance: ImportanceScores, removed: [LayerUnit], round: Int) {
        if round == 1 { scoredNeurons = neuronsPerLayer.enumerated().map { LayerNeurons(layer: $0, count: $1) } }
        for layer in scoredNeurons?.indices ?? 0..<0 {
            scoredNeurons?[layer].record(
                importance, removed: Set(removed.filter { $0.layer == layer }.map(\.index)), round: round)
        }
        for (layer, scores) in importance.values.enumerated() {
            let gone = removed.filter { $0.layer == layer }.map { scores[$0.index] }
            let sum = scores.reduce(0, +)
            feedForward.append(
                FeedForwardRecord(
                    layer: layer, round: round, before: scores.count, after: scores.count - gone.count,
                    removedScoreShare: sum > 0 ? gone.reduce(0, +) / sum : 0, rankStability: importance.rankStability))
        }
    }
}
