import Formats
import Layers
import Models
import Tensors

/// A float encoder's weights in an ONNX graph.
struct FloatGraphWeights: GraphWeights {
    private let values: [String: Tensor]

    init(_ encoder: Encoder) {
        values = Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.value) })
    }

    func gather(_ table: String, _ ids: String, named name: String, in graph: inout ONNXGraphBuilder) -> String {
        graph.node("Gather", [stored(table, named: name, in: &graph), ids], name: name)
    }

    func rows(
        _ table: String, from first: Int, count: String, named name: String, in graph: inout ONNXGraphBuilder
    ) -> String {
        let zero = graph.initializer(name + ".begin", .int64(shape: [1], [0]))
        return graph.node(
            "Slice", [stored(table, from: first, named: name, in: &graph), zero, count, zero], name: name)
    }

    func row(_ index: Int, of table: String) -> [Float] {
        let rows = tensor(table + ".weight")
        return Array(rows.values[index * rows.width..<(index + 1) * rows.width])
    }

    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> String { x }

    func linear(_ name: String, _ x: String, named: String, in graph: inout ONNXGraphBuilder) -> String {
        graph.floatLinear(
            x, weight: tensor(name + ".weight").values, bias: tensor(name + ".bias").values, named: named)
    }

    func bias(_ name: String) -> [Float] { tensor(name + ".bias").values }

    func norm(_ name: String) -> (gamma: [Float], beta: [Float]) {
        (tensor(name + ".weight").values, tensor(name + ".bias").values)
    }

    private func stored(
        _ table: String, from first: Int = 0, named name: String, in graph: inout ONNXGraphBuilder
    ) -> String {
        let rows = tensor(table + ".weight")
        let values = Array(rows.values[(first * rows.width)...])
        return graph.initializer(name + ".table", .float32(shape: [rows.rows - first, rows.width], values))
    }

    private func tensor(_ name: String) -> Tensor {
        guard let value = values[name] else { preconditionFailure("FloatGraphWeights: the encoder has no \(name)") }
        return value
    }
}
