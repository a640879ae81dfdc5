import Files
public import Formats
public import Models
import Tensors

/// Encoders as ONNX models, operator set 17.
///
/// Inputs: `input_ids` and `attention_mask`, int64 [batch, sequence], both axes dynamic; output: `logits`, float32
/// [batch, labels], or `sentence_embedding`, float32 [batch, C]. There is no `token_type_ids`: the encoder is trained with
/// token type 0 alone, whose row is part of the graph, and an input that is ignored would look as if it were not. Texts
/// begin at the first column; padding is masked in attention and pooling. The model's metadata holds `labels` (a JSON array
/// in the order of the logits, not for embeddings) and `maximum_positions`, the longest text.
public enum ONNXExport {
    /// How weights and products are written.
    public enum Form: String, CaseIterable, Sendable {
        case float32
        /// Weights in float16, which are widened before they are used: half the file, computed in float32.
        case float16
        /// The stored integers, with a QuantizeLinear and DequantizeLinear pair at the input of each quantized layer and a
        /// DequantizeLinear at its weight; runtimes make integer products of it.
        case qdq
        /// Integer products written out: QuantizeLinear, or DynamicQuantizeLinear where each token has its own grid, and
        /// MatMulInteger. QLinearMatMul is not used: it rounds its result to 8 bits too, where what follows (softmax, the
        /// activation, the residual stream) is float in the model.
        ///
        /// DynamicQuantizeLinear finds one grid for a whole batch, so that results are close to those of the model, and
        /// depend a little on the batch.
        case fused
    }

    /// The float encoder.
    public static func float(_ encoder: Encoder, _ form: Form = .float32) throws -> ONNXGraphBuilder {
        guard form == .float32 || form == .float16 else {
            throw InputError(
                problem: "the model is float, and ONNX form \(form.rawValue) is for quantized ones",
                remedy: "quantize it with retort quantize, or write it as float32 or float16")
        }
        return try EncoderGraph.build(
            encoder.configuration, weights: FloatGraphWeights(encoder, isHalf: form == .float16))
    }

    /// The int8 encoder.
    public static func quantized(_ encoder: QuantizedEncoder, _ form: Form = .qdq) throws -> ONNXGraphBuilder {
        guard form == .qdq || form == .fused else {
            throw InputError(
                problem: "the model is quantized, and ONNX form \(form.rawValue) is for float ones",
                remedy: "write it as qdq or fused, or export the float model")
        }
        guard form == .fused || !encoder.quantizesPerToken else {
            throw InputError(
                problem: "each token of the model has a grid of its own, which the form qdq cannot hold",
                remedy: "write it as fused, or quantize with activations: int8_static")
        }
        return try EncoderGraph.build(
            encoder.configuration, weights: QuantizedGraphWeights(encoder, isFused: form == .fused))
    }
}

/// What a linear layer reads, in a graph.
struct GraphInput {
    let value: String
    /// Scale and zero point, where `value` holds integers.
    var grid: (scale: String, zero: String)?
}

/// How the weights of an encoder stand in an ONNX graph. Layers and tables go by their published names, results in the
/// graph by the name that is asked for.
protocol GraphWeights {
    /// Rows `ids` of a table: [batch, sequence] → [batch, sequence, C].
    func gather(_ table: String, _ ids: String, named: String, in graph: inout ONNXGraphBuilder) -> String
    /// `count` rows of a table, from row `first`; count: [1] → [sequence, C]. The rows before it are not stored.
    func rows(
        _ table: String, from first: Int, count: String, named: String, in graph: inout ONNXGraphBuilder
    ) -> String
    /// One row of a table as numbers: [C].
    func row(_ index: Int, of table: String) -> [Float]
    /// x as the linear layer `name`, and all that share its input, reads it.
    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> GraphInput
    /// x · Wᵀ + b of the linear layer `name`, for an x made by `input`.
    func linear(_ name: String, _ x: GraphInput, named: String, in graph: inout ONNXGraphBuilder) -> String
    /// The bias of the linear layer `name`: [O].
    func bias(_ name: String) -> [Float]
    /// A layer norm's scale and shift: [C] each.
    func norm(_ name: String) -> (gamma: [Float], beta: [Float])
}

extension ONNXGraphBuilder {
    /// x · Wᵀ + b; weight: [O, I], row-major. In half precision the weight is stored so and widened.
    mutating func floatLinear(
        _ x: String, weight: [Float], bias: [Float], isHalf: Bool = false, named name: String
    ) -> String {
        let (output, input) = (bias.count, weight.count / bias.count)
        let values = weight.transposed(rows: output, width: input)
        let stored = widened(values, shape: [input, output], isHalf: isHalf, named: name + ".weight")
        return linear(x, weight: stored, bias: bias, named: name)
    }

    /// A constant in float32, stored in half of it if asked for.
    mutating func widened(_ values: [Float], shape: [Int], isHalf: Bool, named name: String) -> String {
        guard isHalf else { return initializer(name, .float32(shape: shape, values)) }
        let stored = initializer(name + ".half", .float16(shape: shape, bits: HalfPrecision.encode(values)))
        return node("Cast", [stored], name: name, attributes: ["to": .int(1)])
    }

    /// x · W + b for a weight in the graph: [I, O].
    mutating func linear(_ x: String, weight: String, bias: [Float], named name: String) -> String {
        biased(node("MatMul", [x, weight], name: name + ".product"), bias, named: name)
    }

    mutating func biased(_ product: String, _ bias: [Float], named name: String) -> String {
        node("Add", [product, initializer(name + ".bias", .float32(shape: [bias.count], bias))], name: name)
    }
}

extension Array {
    /// The transpose of a row-major matrix of these elements.
    func transposed(rows: Int, width: Int) -> [Element] {
        (0..<count).map { self[$0 % rows * width + $0 / rows] }
    }
}
