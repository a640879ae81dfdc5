import Formats
import Tensors

/// An int8 encoder's weights in an ONNX graph, in QDQ form or with the integer products written out.
struct QuantizedGraphWeights: GraphWeights {
    private let tables: [String: TableRows]
    private let linears: [String: QuantizedLinear]
    private let norms: [String: FloatNorm]
    private let classifier: FloatLinear?
    private let isFused: Bool

    init(_ encoder: QuantizedEncoder, isFused: Bool) {
        self.isFused = isFused
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
        named(table, tables).gather([Int32(index)]).values
    }

    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> GraphInput {
        let linear = self.named(name, linears)
        var x = x
        if let factors = linear.inputFactors {
            let stored = graph.initializer(named + ".factors", .float32(shape: [factors.count], factors))
            x = graph.node("Mul", [x, stored], name: named + ".smoothed")
        }
        switch linear.form {
        case .float: return GraphInput(value: x)
        case .perToken:
            let made = graph.node(
                "DynamicQuantizeLinear", [x], outputs: [named + ".levels", named + ".scale", named + ".zero"])
            return GraphInput(value: made[0], grid: (made[1], made[2]))
        case .fixed(_, let input):
            let grid = (
                scale: graph.initializer(named + ".scale", .float32(shape: [], [input.scale])),
                zero: graph.initializer(named + ".zero", .uint8(shape: [], [input.zeroPoint]))
            )
            let levels = graph.node("QuantizeLinear", [x, grid.scale, grid.zero], name: named + ".levels")
            guard !isFused else { return GraphInput(value: levels, grid: grid) }
            return GraphInput(value: graph.node("DequantizeLinear", [levels, grid.scale, grid.zero], name: named))
        }
    }

    func linear(_ name: String, _ x: GraphInput, named: String, in graph: inout ONNXGraphBuilder) -> String {
        if let classifier, name == classifier.name {
            return graph.floatLinear(x.value, weight: classifier.weight, bias: classifier.bias, named: named)
        }
        let linear = self.named(name, linears)
        let weight: Int8Matrix
        switch linear.form {
        case .float(let values): return graph.floatLinear(x.value, weight: values, bias: linear.bias, named: named)
        case .fixed(let matrix, _), .perToken(let matrix): weight = matrix
        }
        let levels = graph.initializer(
            named + ".weight.levels",
            .int8(
                shape: [weight.width, weight.rows],
                weight.levels.transposed(rows: weight.rows, width: weight.width)))
        let scale = graph.initializer(named + ".weight.scale", .float32(shape: [weight.rows], weight.scales))
        guard let grid = x.grid else {
            let dequantized = graph.node(
                "DequantizeLinear", [levels, scale], name: named + ".weight", attributes: ["axis": .int(1)])
            return graph.linear(x.value, weight: dequantized, bias: linear.bias, named: named)
        }
        let sums = graph.node("MatMulInteger", [x.value, levels, grid.zero], name: named + ".sums")
        let cast = graph.node("Cast", [sums], name: named + ".sums.float", attributes: ["to": .int(1)])
        let factors = graph.node("Mul", [grid.scale, scale], name: named + ".factors")
        return graph.biased(
            graph.node("Mul", [cast, factors], name: named + ".product"), linear.bias, named: named)
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
        let matrix: Int8Matrix
        switch named(table, tables) {
        case .float(let values, let width):
            let count = values.count / width - first
            let stored = graph.initializer(
                name + ".table", .float32(shape: [count, width], Array(values[(first * width)...])))
            return select(name, stored, &graph)
        case .int8(let rows): matrix = rows
        }
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
