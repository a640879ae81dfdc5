import Files
import Formats
import Foundation
import Models
import Tensors

/// The computation of an encoder as ONNX nodes, the same for float and int8 weights.
struct EncoderGraph<Weights: GraphWeights> {
    private let configuration: EncoderConfiguration
    private let weights: Weights
    private var graph = ONNXGraphBuilder(name: "encoder")
    /// Constants that several nodes share, by name.
    private var constants: [String: String] = [:]

    /// Describes the whole model, from token ids to what its head gives.
    static func build(_ configuration: EncoderConfiguration, weights: Weights) throws -> ONNXGraphBuilder {
        guard configuration.head != .maskedLanguageModel else {
            throw InputError(
                problem: "the ONNX form has heads for classification, regression and embedding, not for masked words",
                remedy: "export it as safetensors")
        }
        var encoder = EncoderGraph(configuration: configuration, weights: weights)
        try encoder.build()
        return encoder.graph
    }

    private init(configuration: EncoderConfiguration, weights: Weights) {
        self.configuration = configuration
        self.weights = weights
    }

    private mutating func build() throws {
        let ids = graph.input("input_ids", .int64, ["batch", "sequence"])
        let given = graph.input("attention_mask", .int64, ["batch", "sequence"])
        let mask = graph.node("Cast", [given], name: "mask", attributes: ["to": .int(1)])
        // 0 where a position may be attended to, −10⁹ where it is padding: exp makes exactly 0 of it.
        let unmasked = graph.node("Unsqueeze", [mask, ints("axes_1_2", [1, 2])], name: "mask.keys")
        let bias = graph.node(
            "Mul", [graph.node("Sub", [unmasked, float("one", 1)], name: "mask.padding"), float("large", 1e9)],
            name: "mask.bias")
        var x = embedding(ids)
        for layer in 0..<configuration.layers { x = block(layer, x, bias: bias) }
        let pooled = pool(x, mask: mask)
        if configuration.classifies {
            let dense = linear("bert.pooler.dense", pooled, named: "pooler")
            let inner = configuration.family == .distilbert ? "Relu" : "Tanh"
            let logits = weights.linear(
                "classifier", GraphInput(value: graph.node(inner, [dense], name: "pooled")), named: "logits",
                in: &graph)
            graph.output(logits, .float32, ["batch", .fixed(configuration.labels.count)])
            graph.setMetadata(
                "labels", to: String(decoding: try JSONEncoder().encode(configuration.labels), as: UTF8.self))
        } else {
            graph.output(embedded(pooled), .float32, ["batch", .fixed(configuration.hiddenSize)])
        }
        graph.setMetadata("maximum_positions", to: String(configuration.longestText))
    }

    /// The embedding, divided by its norm where the model does so: [batch, C].
    private mutating func embedded(_ pooled: String) -> String {
        guard configuration.normalizesEmbedding else {
            return graph.node("Identity", [pooled], name: "sentence_embedding")
        }
        let norm = graph.node(
            "ReduceL2", [pooled], name: "norm", attributes: ["axes": .ints([1]), "keepdims": .int(1)])
        let divisor = graph.node("Max", [norm, float("smallest_norm", 1e-12)], name: "norm.divisor")
        return graph.node("Div", [pooled, divisor], name: "sentence_embedding")
    }

    /// input_ids → the normalized sum of word, token type and position rows: [batch, sequence, C].
    private mutating func embedding(_ ids: String) -> String {
        let prefix = "bert.embeddings."
        let words = weights.gather(prefix + "word_embeddings", ids, named: "words", in: &graph)
        var sum = words
        if configuration.tokenTypes > 0 {
            let row = weights.row(0, of: prefix + "token_type_embeddings")
            let type = graph.initializer("token_type_0", .float32(shape: [row.count], row))
            sum = graph.node("Add", [words, type], name: "typed")
        }
        let length = graph.node("Shape", [ids], name: "length", attributes: ["start": .int(1), "end": .int(2)])
        let positions = weights.rows(
            prefix + "position_embeddings", from: configuration.positionOffset, count: length, named: "positions",
            in: &graph)
        return norm(prefix + "LayerNorm", graph.node("Add", [sum, positions], name: "placed"), named: "embedding")
    }

    /// One encoder block: h = LN(x + Attention(x)), y = LN(h + W₂ · f(W₁ · h)).
    private mutating func block(_ index: Int, _ x: String, bias: String) -> String {
        let (published, own) = ("bert.encoder.layer.\(index).", "layer\(index).")
        let attended: String
        if configuration.heads[index] > 0 {
            let context = attention(index, x, bias: bias)
            attended = linear(published + "attention.output.dense", context, named: own + "attended")
        } else {
            attended = self.bias(published + "attention.output.dense", named: own + "attended")
        }
        let h = norm(
            published + "attention.output.LayerNorm", graph.node("Add", [attended, x], name: own + "attended.sum"),
            named: own + "middle")
        let fed: String
        if configuration.feedForward[index] > 0 {
            let inner = activation(linear(published + "intermediate.dense", h, named: own + "inner"), named: own)
            fed = linear(published + "output.dense", inner, named: own + "outer")
        } else {
            fed = self.bias(published + "output.dense", named: own + "outer")
        }
        return norm(
            published + "output.LayerNorm", graph.node("Add", [fed, h], name: own + "outer.sum"), named: own + "output")
    }

    /// softmax(Q · Kᵀ / √D + bias) · V with the layer's own number of heads: [batch, sequence, H · D].
    private mutating func attention(_ index: Int, _ x: String, bias: String) -> String {
        let (published, own) = ("bert.encoder.layer.\(index).attention.self.", "layer\(index).")
        let (heads, size) = (configuration.heads[index], configuration.headSize)
        let shared = weights.input(x, of: published + "query", named: own + "input", in: &graph)
        let split = ints("split_\(heads)", [0, 0, heads, size])
        func projection(_ name: String, _ order: [Int64], _ encoder: inout Self) -> String {
            let rows = encoder.weights.linear(published + name, shared, named: own + name, in: &encoder.graph)
            return encoder.graph.node(
                "Transpose", [encoder.graph.node("Reshape", [rows, split], name: own + name + ".split")],
                name: own + name + ".heads", attributes: ["perm": .ints(order)])
        }
        let query = projection("query", [0, 2, 1, 3], &self)
        let key = projection("key", [0, 2, 3, 1], &self)
        let value = projection("value", [0, 2, 1, 3], &self)
        let scores = graph.node(
            "Mul",
            [
                graph.node("MatMul", [query, key], name: own + "products"),
                float("scale", 1 / Float(configuration.headSize).squareRoot()),
            ], name: own + "scores")
        let probabilities = graph.node(
            "Softmax", [graph.node("Add", [scores, bias], name: own + "masked")], name: own + "probabilities",
            attributes: ["axis": .int(-1)])
        let mixed = graph.node(
            "Transpose", [graph.node("MatMul", [probabilities, value], name: own + "mixed")], name: own + "mixed.rows",
            attributes: ["perm": .ints([0, 2, 1, 3])])
        return graph.node("Reshape", [mixed, ints("join", [0, 0, -1])], name: own + "context")
    }

    private mutating func activation(_ x: String, named own: String) -> String {
        switch configuration.activation {
        case .gelu: gelu(x, named: own + "gelu")
        case .geluTanh: geluTanh(x, named: own + "gelu")
        case .relu: graph.node("Relu", [x], name: own + "relu")
        }
    }

    /// x / 2 · (1 + tanh(√(2/π) · x · (1 + 0.044715 · x²))).
    private mutating func geluTanh(_ x: String, named name: String) -> String {
        let square = graph.node("Mul", [x, x], name: name + ".square")
        let bent = graph.node("Mul", [square, float("gelu_cubic", 0.044715)], name: name + ".bent")
        let factor = graph.node("Add", [bent, float("one", 1)], name: name + ".factor")
        let scaled = graph.node("Mul", [x, float("gelu_scale", (2 / Float.pi).squareRoot())], name: name + ".scaled")
        let tanh = graph.node(
            "Tanh", [graph.node("Mul", [scaled, factor], name: name + ".inner")], name: name + ".tanh")
        let twice = graph.node(
            "Mul", [x, graph.node("Add", [tanh, float("one", 1)], name: name + ".cdf")], name: name + ".twice")
        return graph.node("Mul", [twice, float("half", 0.5)], name: name)
    }

    /// x · Φ(x) through the error function: operator set 17 has no GELU of its own; runtimes know this pattern.
    private mutating func gelu(_ x: String, named name: String) -> String {
        let scaled = graph.node("Div", [x, float("sqrt_2", Float(2).squareRoot())], name: name + ".scaled")
        let erf = graph.node("Erf", [scaled], name: name + ".erf")
        let twice = graph.node(
            "Mul", [x, graph.node("Add", [erf, float("one", 1)], name: name + ".cdf")], name: name + ".twice")
        return graph.node("Mul", [twice, float("half", 0.5)], name: name)
    }

    /// [batch, sequence, C] → [batch, C]: the first position, or the mean or largest over those that are not padding.
    private mutating func pool(_ x: String, mask: String) -> String {
        switch configuration.pooling {
        case .first:
            let first = constant("first", .int64(shape: [], [0]))
            return graph.node("Gather", [x, first], name: "first.position", attributes: ["axis": .int(1)])
        case .mean:
            let column = graph.node("Unsqueeze", [mask, ints("axes_2", [2])], name: "mask.column")
            let axes = ints("axes_1", [1])
            let sum = graph.node(
                "ReduceSum", [graph.node("Mul", [x, column], name: "kept"), axes], name: "sum",
                attributes: ["keepdims": .int(0)])
            return graph.node("Div", [sum, graph.node("ReduceSum", [mask, axes], name: "count")], name: "mean")
        case .max:
            let column = graph.node("Unsqueeze", [mask, ints("axes_2", [2])], name: "mask.column")
            let kept = graph.node("Cast", [column], name: "mask.kept", attributes: ["to": .int(9)])
            let masked = graph.node("Where", [kept, x, float("lowest", -.greatestFiniteMagnitude)], name: "kept")
            return graph.node(
                "ReduceMax", [masked], name: "max", attributes: ["axes": .ints([1]), "keepdims": .int(0)])
        }
    }

    private mutating func linear(_ published: String, _ x: String, named name: String) -> String {
        let input = weights.input(x, of: published, named: name + ".input", in: &graph)
        return weights.linear(published, input, named: name, in: &graph)
    }

    /// What a linear layer that has lost its inputs gives: [O].
    private mutating func bias(_ published: String, named name: String) -> String {
        let bias = weights.bias(published)
        return graph.initializer(name, .float32(shape: [bias.count], bias))
    }

    private mutating func norm(_ published: String, _ x: String, named name: String) -> String {
        let (gamma, beta) = weights.norm(published)
        let stored = [("gamma", gamma), ("beta", beta)].map {
            graph.initializer("\(name).\($0)", .float32(shape: [$1.count], $1))
        }
        return graph.node(
            "LayerNormalization", [x] + stored, name: name,
            attributes: ["axis": .int(-1), "epsilon": .float(configuration.layerNormEpsilon)])
    }

    private mutating func float(_ name: String, _ value: Float) -> String {
        constant(name, .float32(shape: [], [value]))
    }

    private mutating func ints(_ name: String, _ values: [Int]) -> String {
        constant(name, .int64(shape: [values.count], values.map(Int64.init)))
    }

    private mutating func constant(_ name: String, _ value: StoredTensor) -> String {
        if let made = constants[name] { return made }
        let made = graph.initializer(name, value)
        constants[name] = made
        return made
    }
}
