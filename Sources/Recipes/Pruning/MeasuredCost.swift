public import Compression
import Evaluation
public import Models
import Tensors

/// What a model costs: counted, and measured on this machine.
public struct MeasuredCost: Equatable, Sendable {
    public let parameters: Int
    /// Floating point operations for a text of `length` tokens.
    public let operations: Int
    /// Tokens of the text that operations are counted for: the mean of the data, rounded up.
    public let length: Int
    /// Median milliseconds of one text after another.
    public let milliseconds: Double

    /// - Parameters:
    ///   - texts: what is run, one at a time, from the first again after the last.
    ///   - queries: texts that are timed, after a fifth as many to warm up.
    public init(of model: some PrunableDirectoryModel, on texts: [[Int32]], queries: Int) {
        self.init(
            of: model, on: texts, milliseconds: Self.milliseconds(of: [model], on: texts, queries: queries)[0])
    }

    init(of model: some PrunableDirectoryModel, on texts: [[Int32]], milliseconds: Double) {
        let tokens = texts.reduce(0) { $0 + $1.count }
        length = max(1, (tokens + texts.count - 1) / max(1, texts.count))
        parameters = model.cost.parameterCount
        operations = model.cost.operations(length: length)
        self.milliseconds = milliseconds
    }

    /// The median time of a text for each model. The models take turns, so that whatever else the machine does meets all of
    /// them.
    static func milliseconds<Model: PrunableDirectoryModel>(
        of models: [Model], on texts: [[Int32]], queries: Int
    ) -> [Double] {
        let warmUp = max(1, queries / 5)
        var times = models.map { _ in [Double]() }
        for query in 0..<warmUp + queries {
            let batch = PackedBatch([texts[query % texts.count]], samples: [0])
            for (place, model) in models.enumerated() {
                let time = ContinuousClock().measure { model.run(batch) }
                if query >= warmUp { times[place].append(time / .milliseconds(1)) }
            }
        }
        return times.map { Quantile.linear($0.sorted(), 0.5) }
    }
}

/// A model that `retort prune` reads from a directory.
public protocol PrunableDirectoryModel: PrunableModel {
    var cost: any CountableModel { get }
    /// One forward pass, for its time.
    func run(_ batch: PackedBatch)
}

extension Encoder: PrunableDirectoryModel {
    public var cost: any CountableModel { configuration }
    public func run(_ batch: PackedBatch) { _ = logits(batch) as Tensor }
}

extension Decoder: PrunableDirectoryModel {
    public var cost: any CountableModel { configuration }
    public func run(_ batch: PackedBatch) { _ = logits(batch) }
}
