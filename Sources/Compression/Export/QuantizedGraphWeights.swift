import Formats
import Tensors

/// An int8 encoder's weights in an ONNX graph, in QDQ form.
struct QuantizedGraphWeights: GraphWeights {
    private let tables: [String: Int8Matrix]
    private let linears: [String: QuantizedLinear]
    private let norms: [String: FloatNorm]
    private let classifier: FloatLinear?

    init(_ encoder: QuantizedEncoder) {
        tables = Dictionary(uniqueKeysWithValues: encoder.tables.map { ($0.name, $0.rows) })
        linears = Dictionary(uniqueKeysWithValues: encoder.linears.map { ($0.name, $0) })
        norms = Dictionary(uniqueKeysWithValues: encoder.norms.map { ($0.name, $0) })
        classifier = encoder.classifier
    }

    func gather(_ table: String, _ ids: String, named name: String, in graph: inout ONNXGraphBuilder) -> String {
        rows(table, from: 0, named: name, in: &graph) { part, matrix, graph in
            graph.node("Gather", [matrix, ids], name: part)
        }
    }

    func rows(
        _ table: String, from first: Int, count: String, named name: String, in graph: inout ONNXGraphBuilder
    ) -> String {
        let zero = graph.initializer(name + ".begin", .int64(shape: [1], [0]))
        return rows(table, from: first, named: name, in: &graph) { part, matrix, graph in
            graph.node("Slice", [matrix, zero, count, zero], name: part)
        }
    }

    func row(_ index: Int, of table: String) -> [Float] {
        let matrix = named(table, tables)
        return matrix.levels[index * matrix.width..<(index + 1) * matrix.width].map {
            Float($0) * matrix.scales[index]
        }
    }

    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> String {
        let input = self.named(name, linears).input
        let parameters = [
            graph.initializer(named + ".scale", .float32(shape: [], [input.scale])),
            graph.initializer(named + ".zero", .uint8(shape: [], [input.zeroPoint])),
        ]
        let levels = graph.node("QuantizeLinear", [x] + parameters, name: named + ".levels")
        return graph.node("DequantizeLinear", [levels] + parameters, name: named)
    }

    func linear(_ name: String, _ x: String, named: String, in graph: inout ONNXGraphBuilder) -> String {
        if let classifier, name == classifier.name {
            return graph.floatLinear(x, weight: classifier.weight, bias: classifier.bias, named: named)
        }
        let linear = self.named(name, linears)
        let weight = linear.weight
        let parameters = [
            graph.initializer(
                named + ".weight.levels",
                .int8(
                    shape: [weight.width, weight.rows],
                    weight.levels.transposed(rows: weight.rows, width: weight.width))),
            graph.initializer(named + ".weight.scale", .float32(shape: [weight.rows], weight.scales)),
        ]
        let dequantized = graph.node(
            "DequantizeLinear", parameters, name: named + ".weight", attributes: ["axis": .int(1)])
        return graph.linear(x, weight: dequantized, bias: linear.bias, named: named)
    }

    func bias(_ name: String) -> [Float] { named(name, linears).bias }

    func norm(_ name: String) -> (gamma: [Float], beta: [Float]) {
        let norm = named(name, norms)
        return (norm.gamma, norm.beta)
    }

    /// Some rows of a table from row `first` on and their scales, chosen alike by `select`, multiplied in float.
    private func rows(
        _ table: String, from first: Int, named name: String, in graph: inout ONNXGraphBuilder,
        select: (_ name: String, _ matrix: String, inout ONNXGraphBuilder) -> String
    ) -> String {
        let matrix = named(table, tables)
        let count = matrix.rows - first
        let levels = graph.initializer(
            name + ".table", .int8(shape: [count, matrix.width], Array(matrix.levels[(first * matrix.width)...])))
        let scales = graph.initializer(
            name + ".table.scale", .float32(shape: [count, 1], Array(matrix.scales[first...])))
        let cast = graph.node(
            "Cast", [select(name + ".levels", levels, &graph)], name: name + ".cast", attributes: ["to": .int(1)])
        return graph.node("Mul", [cast, select(name + ".scale", scales, &graph)], name: name)
    }

    private func named<Part>(_ name: String, _ parts: [String: Part]) -> Part {
        guard let part = parts[name] else { preconditionFailure("QuantizedGraphWeights: the encoder has no \(name)") }
        return part
    }
}
