import Files
import Formats
import Models
import Tensors

/// Runs ONNX graphs of the operators that exports consist of, to prove that a file computes what its model does.
///
/// Written for exactness and for a few hundred texts. What depends on constants alone is computed once.
struct ONNXRunner {
    private let nodes: [ONNXModel.Node]
    private let inputs: [String]
    private let output: String
    private let constants: [String: ONNXArray]
    /// Constant weights of products, as linear layers hold them.
    private let weights: [String: Variable]
    private let integerWeights: [String: PackedInt8Weight]
    private let file: String

    private static let givenInputs = ["input_ids", "attention_mask"]

    /// - Throws: `InputError` naming the node or input that is not run here.
    init(_ model: ONNXModel, file: String) throws {
        self.file = file
        guard model.outputs.count == 1 else {
            throw InputError(file: file, problem: "the graph has \(model.outputs.count) outputs, expected one")
        }
        // Operators of other sets go by the same names and may compute something else.
        guard model.operatorSets == ["": ONNXGraphBuilder.operatorSet], model.nodes.allSatisfy(\.domain.isEmpty) else {
            throw InputError(
                file: file,
                problem:
                    "its operators are not those of the standard set \(ONNXGraphBuilder.operatorSet), which are run here",
                remedy: "export the model again")
        }
        output = model.outputs[0].name
        inputs = model.inputs.map(\.name)
        if let name = inputs.first(where: { !Self.givenInputs.contains($0) }) {
            throw InputError(file: file, field: name, problem: "the graph asks for an input that is not known here")
        }
        var (constants, kept): ([String: ONNXArray], [ONNXModel.Node]) = ([:], [])
        for (name, tensor) in model.initializers {
            constants[name] = try Self.naming(file, name) { try ONNXArray(tensor) }
        }
        for node in model.nodes {
            let operands = node.inputs.compactMap { constants[$0] }
            guard node.outputs.count == 1, operands.count == node.inputs.count else {
                kept.append(node)
                continue
            }
            constants[node.outputs[0]] = try Self.naming(file, node.name) {
                try ONNXOperation.run(node, operands)[0]
            }
        }
        var (weights, integerWeights): ([String: Variable], [String: PackedInt8Weight]) = ([:], [:])
        for node in kept where node.inputs.count > 1 {
            let name = node.inputs[1]
            guard let weight = constants[name], weight.rank == 2 else { continue }
            try Self.naming(file, node.name) {
                switch node.operation {
                case "MatMul": weights[name] = try ONNXOperation.weight(weight)
                case "MatMulInteger": integerWeights[name] = try ONNXOperation.integerWeight(weight)
                default: break
                }
            }
        }
        (nodes, self.constants, self.weights, self.integerWeights) = (kept, constants, weights, integerWeights)
    }

    /// What the graph gives for padded texts: one row of numbers per text.
    ///
    /// - Throws: `InputError` naming the node that fails.
    func callAsFunction(_ sequences: [[Int32]]) throws -> [Float] {
        let longest = sequences.map(\.count).max() ?? 0
        let shape = [sequences.count, longest]
        let ids = sequences.flatMap { $0.map(Int64.init) + Array(repeating: 0, count: longest - $0.count) }
        let mask = sequences.flatMap { row in (0..<longest).map { $0 < row.count ? Int64(1) : 0 } }
        let given = ["input_ids": ONNXArray(.int64(ids), shape), "attention_mask": ONNXArray(.int64(mask), shape)]
        var values = given.filter { inputs.contains($0.key) }
        var uses: [String: Int] = [output: 1]
        for name in nodes.flatMap(\.inputs) { uses[name, default: 0] += 1 }
        for node in nodes {
            let made = try Self.naming(file, node.name) {
                let operands = try node.inputs.map { name -> ONNXArray? in
                    guard !name.isEmpty else { return nil }
                    guard let value = values[name] ?? constants[name] else {
                        throw InputError(problem: "its input '\(name)' is made by nothing before it")
                    }
                    return value
                }
                let second = node.inputs.dropFirst().first ?? ""
                if node.operation == "MatMul", let weight = weights[second], let x = operands.first ?? nil {
                    return [try ONNXOperation.multiply(x, weight)]
                }
                if node.operation == "MatMulInteger", let weight = integerWeights[second] {
                    return [try ONNXOperation.multiply(operands, weight)]
                }
                return try ONNXOperation.run(node, operands)
            }
            for (name, value) in zip(node.outputs, made) { values[name] = value }
            // Values that nothing reads any more are released, so that a long graph fits into memory.
            for name in node.inputs {
                uses[name, default: 0] -= 1
                if uses[name] == 0 { values[name] = nil }
            }
        }
        guard let result = values[output] ?? constants[output] else {
            throw InputError(file: file, field: output, problem: "the graph's output is made by no node")
        }
        return try result.floats()
    }

    private static func naming<Result>(_ file: String, _ field: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as InputError {
            throw InputError(file: file, field: field, problem: error.problem, remedy: error.remedy)
        }
    }
}
