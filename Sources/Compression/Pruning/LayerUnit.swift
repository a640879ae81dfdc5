import Files

/// One head, or one feed-forward neuron, of a layer; both counted from 0.
public struct LayerUnit: Hashable, Comparable, Codable, Sendable {
    public let layer: Int
    public let index: Int

    public init(layer: Int, index: Int) {
        self.layer = layer
        self.index = index
    }

    public static func < (a: LayerUnit, b: LayerUnit) -> Bool {
        (a.layer, a.index) < (b.layer, b.index)
    }
}

extension LayerUnit {
    /// The units with the lowest scores of the whole model, as many as asked for, in ascending order of score.
    ///
    /// Equal scores go in the order of layer and index.
    ///
    /// - Parameters:
    ///   - scores: one per layer and unit that is still there.
    ///   - minimum: units that stay in every layer; a layer that has no more than that loses none.
    /// - Throws: `InputError` if fewer than `count` units may go.
    public static func lowest(_ count: Int, in scores: [[Double]], keepingAtLeast minimum: Int) throws -> [LayerUnit] {
        var removable = scores.map { max(0, $0.count - minimum) }
        let available = removable.reduce(0, +)
        guard count <= available else {
            throw InputError(
                problem: "cannot remove \(count) of \(scores.joined().count): with at least \(minimum) kept in each of "
                    + "\(scores.count) layers only \(available) may go",
                remedy: "keep more, or lower the minimum per layer")
        }
        let ranked = scores.enumerated().flatMap { layer, scores in
            scores.enumerated().map { (score: $1, unit: LayerUnit(layer: layer, index: $0)) }
        }.sorted { ($0.score, $0.unit) < ($1.score, $1.unit) }
        var chosen: [LayerUnit] = []
        for (_, unit) in ranked where chosen.count < count && removable[unit.layer] > 0 {
            removable[unit.layer] -= 1
            chosen.append(unit)
        }
        return chosen
    }
}
