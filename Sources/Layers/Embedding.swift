public import Tensors

/// A table with one row per id; table: [V, C].
public final class Embedding: Module {
    public let table: Parameter
    /// Simulated quantization of the rows, if any.
    public var quantization: (any EmbeddingQuantization)?

    public init(table: Parameter) {
        self.table = table
    }

    public convenience init(name: String, count: Int, width: Int, deviation: Double, key: RandomKey) {
        self.init(table: .normal(name: name + ".weight", shape: [count, width], deviation: deviation, key: key))
    }

    public var parameters: [Parameter] { [table] }

    /// ids: [N] → [N, C].
    public func callAsFunction(_ ids: [Int32], on tape: Tape) -> Variable {
        let rows = tape.embedding(table.on(tape), ids: ids)
        return quantization?.rows(rows, on: tape) ?? rows
    }
}

/// What stands between an embedding and its rows while quantization is simulated.
public protocol EmbeddingQuantization: AnyObject {
    /// Rows as the quantized table will give them. rows: [N, C].
    func rows(_ rows: Variable, on tape: Tape) -> Variable
}
