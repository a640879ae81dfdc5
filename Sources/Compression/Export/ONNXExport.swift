public import Formats
import Foundation
public import Models

/// Encoders as ONNX models, operator set 17.
///
/// Inputs: `input_ids` and `attention_mask`, int64 [batch, sequence], both axes dynamic; output: `logits`, float32
/// [batch, labels], or `sentence_embedding`, float32 [batch, C]. There is no `token_type_ids`: the encoder is trained with token type 0 alone, whose row is part of
/// the graph, and an input that is ignored would look as if it were not. Texts begin at the first column; padding is
/// masked in attention and pooling. The model's metadata holds `labels` (a JSON array in the order of the logits, not for
/// embeddings) and `maximum_positions`, the longest text.
public enum ONNXExport {
    /// The float encoder.
    public static func float(_ encoder: Encoder) throws -> ONNXGraphBuilder {
        try EncoderGraph.build(encoder.configuration, weights: FloatGraphWeights(encoder))
    }

    /// The int8 encoder in QDQ form: the stored integers, with a QuantizeLinear and DequantizeLinear pair at the input of
    /// each quantized layer and a DequantizeLinear at its weight, which ONNX Runtime fuses into integer products.
    public static func quantized(_ encoder: QuantizedEncoder) throws -> ONNXGraphBuilder {
        try EncoderGraph.build(encoder.configuration, weights: QuantizedGraphWeights(encoder))
    }
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
    func input(_ x: String, of name: String, named: String, in graph: inout ONNXGraphBuilder) -> String
    /// x · Wᵀ + b of the linear layer `name`, for an x made by `input`.
    func linear(_ name: String, _ x: String, named: String, in graph: inout ONNXGraphBuilder) -> String
    /// The bias of the linear layer `name`: [O].
    func bias(_ name: String) -> [Float]
    /// A layer norm's scale and shift: [C] each.
    func norm(_ name: String) -> (gamma: [Float], beta: [Float])
}

extension ONNXGraphBuilder {
    /// x · Wᵀ + b with both stored as float; weight: [O, I], row-major.
    mutating func floatLinear(_ x: String, weight: [Float], bias: [Float], named name: String) -> String {
        let (output, input) = (bias.count, weight.count / bias.count)
        let stored = StoredTensor.float32(shape: [input, output], weight.transposed(rows: output, width: input))
        return linear(x, weight: initializer(name + ".weight", stored), bias: bias, named: name)
    }

    /// x · W + b for a weight in the graph: [I, O].
    mutating func linear(_ x: String, weight: String, bias: [Float], named name: String) -> String {
        let product = node("MatMul", [x, weight], name: name + ".product")
        return node("Add", [product, initializer(name + ".bias", .float32(shape: [bias.count], bias))], name: name)
    }
}

extension Array {
    /// The transpose of a row-major matrix of these elements.
    func transposed(rows: Int, width: Int) -> [Element] {
        (0..<count).map { self[$0 % rows * width + $0 / rows] }
    }
}
