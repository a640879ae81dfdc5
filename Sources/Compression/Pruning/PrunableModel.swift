import Files
import Layers
import Tensors

/// A model that can become a smaller one.
public protocol PrunableModel: ScorableModel {
    /// A smaller model without the given units of attention and feed-forward neurons; this one stays as it is. Its output
    /// is that of this model with the units' outputs set to zero.
    ///
    /// - Throws: `InputErrors` for units that do not exist.
    func removing(heads: Set<LayerUnit>, neurons: Set<LayerUnit>) throws -> Self
    /// A smaller model without the given whole layers; those that are left close ranks.
    ///
    /// - Throws: `InputErrors` for layers that do not exist, or if none would be left.
    func removing(layers: Set<Int>) throws -> Self
}

/// What of a model stays, per layer.
struct KeptUnits {
    let heads: [[Int]]
    let neurons: [[Int]]

    init(
        _ layers: [ScorableLayer], without heads: Set<LayerUnit>, _ neurons: Set<LayerUnit>,
        named unit: String = "head"
    ) throws {
        let (keptHeads, headErrors) = Self.kept(unit, of: layers.map(\.attentionUnits), without: heads)
        let (keptNeurons, neuronErrors) = Self.kept("neuron", of: layers.map(\.neurons), without: neurons)
        let errors = headErrors + neuronErrors
        if !errors.isEmpty { throw InputErrors(errors) }
        (self.heads, self.neurons) = (keptHeads, keptNeurons)
    }

    /// The layers that stay, in their order.
    ///
    /// - Throws: `InputErrors` for layers that do not exist, or if none would be left.
    static func layers(of count: Int, without removed: Set<Int>) throws -> [Int] {
        var errors = removed.filter { !(0..<count).contains($0) }.sorted().map {
            InputError(problem: "there is no layer \($0)", remedy: "layers are counted from 0 to \(count - 1)")
        }
        let kept = (0..<count).filter { !removed.contains($0) }
        if kept.isEmpty { errors.append(InputError(problem: "no layer would be left", remedy: "keep at least one")) }
        if !errors.isEmpty { throw InputErrors(errors) }
        return kept
    }

    private static func kept(
        _ unit: String, of counts: [Int], without removed: Set<LayerUnit>
    ) -> (kept: [[Int]], errors: [InputError]) {
        let unknown = removed.filter {
            !counts.indices.contains($0.layer) || !(0..<counts[$0.layer]).contains($0.index)
        }
        let errors = unknown.sorted().map {
            InputError(
                problem: "there is no \(unit) \($0.index) in layer \($0.layer)",
                remedy: "layers 0 to \(counts.count - 1) have \(counts) \(unit)s, each counted from 0")
        }
        let kept = counts.enumerated().map { layer, count in
            (0..<count).filter { !removed.contains(LayerUnit(layer: layer, index: $0)) }
        }
        return (kept, errors)
    }
}

extension Linear {
    /// Takes up the given rows of another layer's weight and bias.
    func takeRows(_ rows: [Int], of other: Linear) {
        weight.value = other.weight.value.rows(rows)
        if let bias, let all = other.bias?.value.values {
            bias.value = Tensor(rows.map { all[$0] }, shape: [rows.count])
        }
    }

    /// Takes up the given columns of another layer's weight, and its bias.
    func takeColumns(_ columns: [Int], of other: Linear) {
        weight.value = other.weight.value.columns(columns)
        if let bias, let whole = other.bias { bias.value = whole.value }
    }
}

extension [Int] {
    /// The rows of units of so many rows each.
    func expanded(by width: Int) -> [Int] { flatMap { $0 * width..<($0 + 1) * width } }
}

extension Tensor {
    /// The given rows of a matrix.
    func rows(_ rows: [Int]) -> Tensor {
        let (width, all) = (width, values)
        return Tensor(rows.flatMap { all[$0 * width..<($0 + 1) * width] }, shape: [rows.count, width])
    }

    /// The given columns of a matrix.
    fileprivate func columns(_ columns: [Int]) -> Tensor {
        let (width, height, all) = (width, rows, values)
        var kept: [Float] = []
        kept.reserveCapacity(height * columns.count)
        for row in 0..<height {
            for column in columns { kept.append(all[row * width + column]) }
        }
        return Tensor(kept, shape: [height, columns.count])
    }
}
