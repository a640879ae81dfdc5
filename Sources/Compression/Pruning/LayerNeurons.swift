import Files
public import Foundation

/// What is known about the feed-forward neurons of one layer of the unpruned model; each list has an entry per neuron.
public struct LayerNeurons: Codable, Equatable, Sendable {
    public let layer: Int
    /// The score of the last round in which the neuron was there, with its 95 % interval. The interval's ends equal the score
    /// where the criterion has no sampling error, or too few examples were scored.
    public private(set) var scores: [Float]
    public private(set) var low: [Float]
    public private(set) var high: [Float]
    /// The round in which the neuron was removed, from 1; 0 for a neuron that is still there.
    public private(set) var removedInRound: [Int]
    /// Whether the last scores can be told from zero at all; see `ImportanceScores.canBeZero`.
    private var canBeZero = false

    /// Whether this is what `rounds` rounds leave of a layer with so many neurons, `left` of them still there.
    func isConsistent(layer: Int, count: Int, left: Int, rounds: Int) -> Bool {
        self.layer == layer && [scores.count, low.count, high.count, removedInRound.count].allSatisfy { $0 == count }
            && removedInRound.allSatisfy((0...rounds).contains) && removedInRound.count { $0 == 0 } == left
    }

    init(layer: Int, count: Int) {
        self.layer = layer
        scores = [Float](repeating: 0, count: count)
        (low, high) = (scores, scores)
        removedInRound = [Int](repeating: 0, count: count)
    }

    /// - Parameters:
    ///   - importance: of the neurons that are still there.
    ///   - removed: those that go, by their place among these.
    mutating func record(_ importance: ImportanceScores, removed: Set<Int>, round: Int) {
        canBeZero = importance.canBeZero
        let there = removedInRound.indices.filter { removedInRound[$0] == 0 }
        for (place, neuron) in there.enumerated() {
            let score = importance.values[layer][place]
            let interval = importance.intervals?[layer][place] ?? score...score
            scores[neuron] = Float(score)
            (low[neuron], high[neuron]) = (Float(interval.lowerBound), Float(interval.upperBound))
            if removed.contains(place) { removedInRound[neuron] = round }
        }
    }

    /// Whether the examples tell a neuron's score from zero; nil where no interval could.
    public func isTold(_ neuron: Int) -> Bool? { canBeZero ? low[neuron] > 0 : nil }

    /// Writes `neurons.csv`: a line per neuron of the unpruned model, in the order of layer and neuron.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public static func write(_ layers: [LayerNeurons], to url: URL) throws {
        var text = "layer,neuron,score,low,high,kept,removed_in_round,told_from_zero\n"
        for layer in layers {
            for neuron in layer.scores.indices {
                let round = layer.removedInRound[neuron]
                let told = layer.isTold(neuron).map { $0 ? "yes" : "no" } ?? ""
                text +=
                    "\(layer.layer),\(neuron),\(layer.scores[neuron]),\(layer.low[neuron]),\(layer.high[neuron]),"
                    + (round == 0 ? "yes,," : "no,\(round),") + told + "\n"
            }
        }
        try AtomicFile.write(text, to: url)
    }
}
