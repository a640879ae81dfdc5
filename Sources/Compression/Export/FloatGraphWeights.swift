import Formats
import Layers
import Models
import Tensors

/// A float encoder's weights in an ONNX graph.
struct FloatGraphWeights: GraphWeights {
    private let values: [String: Tensor]
    /// Whether matrices are stored in float16.
    private let isHalf: Bool

    init(_ encoder: Encoder, isHalf: Bool) {
        self.isHalf = isHalf
        values = Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.value) })
    }

    func gather(_ table: String, _ ids: String, named name: String, in graph: inout ONNXGraphBuilder) -> String {
        selected(table, from: 0, named: name, in: &graph) { part, rows, graph in
            graph.node("Gather", [rows, ids], name: part)
        }
    }

    func rows(
        _ table: String, from first: Int, count: String, named name: String, in graph: inout ONNXGraphBuilder
    ) -> String {
        let zero = graph.initializer(name + ".begin", .int64(shape: [1], [0]))
        return selected(table, from: first, named: name, in: &graph) { part, rows, graph in
            graph.node("Slice", [rows, zero, count, zero], name: part)
        }
    }

    func row(_ index: Int, of table: String) -> [Float] {
        let rows = tensor(table + ".weight")
        return Array(rows.values[index * rows.width..<(index + 1) * rows.width])
    }

    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> GraphInput {
        GraphInput(value: x)
    }

    func linear(_ name: String, _ x: GraphInput, named: String, in graph: inout ONNXGraphBuilder) -> String {
        graph.floatLinear(
            x.value, weight: tensor(name + ".weight").values, bias: tensor(name + ".bias").values, isHalf: isHalf,
            named: named)
    }

    func bias(_ name: String) -> [Float] { tensor(name + ".bias").values }

    func norm(_ name: String) -> (gamma: [Float], beta: [Float]) {
        (tensor(name + ".weight").values, tensor(name + ".bias").values)
    }

    /// Some rows of a table from row `first` on, in float32. What is stored in half is widened after `select`, so that no
    /// runtime widens the whole table.
    private func selected(
        _ table: String, from first: Int, named name: String, in graph: inout ONNXGraphBuilder,
        select: (_ name: String, _ rows: String, inout ONNXGraphBuilder) -> String
    ) -> String {
        let rows = tensor(table + ".weight")
        let values = Array(rows.values[(first * rows.width)...])
        let shape = [rows.rows - first, rows.width]
        guard isHalf else {
            return select(name, graph.initializer(name + ".table", .float32(shape: shape, values)), &graph)
        }
        let stored = graph.initializer(name + ".table", .float16(shape: shape, bits: HalfPrecision.encode(values)))
        return graph.node(
            "Cast", [select(name + ".half", stored, &graph)], name: name, attributes: ["to": .int(1)])
    }

    private func tensor(_ name: String) -> Tensor {
        guard let value = values[name] else { preconditionFailure("FloatGraphWeights: the encoder has no \(name)") }
        return value
    }
}
