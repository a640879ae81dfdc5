import Compression
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("ONNX export")
struct ONNXExportTests {
    private func read(_ graph: ONNXGraphBuilder) throws -> ONNXModel {
        try ONNXModel(parsing: graph.serialize(), file: "export")
    }

    private func count(_ operation: String, in model: ONNXModel) -> Int {
        model.nodes.count { $0.operation == operation }
    }

    private func transposed<Element>(_ matrix: [Element], rows: Int) -> [Element] {
        let width = matrix.count / rows
        return (0..<width).flatMap { column in (0..<rows).map { matrix[$0 * width + column] } }
    }

    @Test("inputs, output and metadata are what users of the file rely on")
    func signature() throws {
        for model in [
            try read(ONNXExport.float(QuantizationFixture.encoder())),
            try read(ONNXExport.quantized(QuantizationFixture.quantized())),
        ] {
            #expect(model.operatorSets == ["": 17])
            #expect(model.inputs.map(\.name) == ["input_ids", "attention_mask"])
            #expect(model.inputs.allSatisfy { $0.type == .int64 && $0.shape == ["batch", "sequence"] })
            #expect(model.outputs.map(\.name) == ["logits"])
            #expect(model.outputs[0].type == .float32 && model.outputs[0].shape == ["batch", 3])
            #expect(model.metadata == ["labels": #"["no","maybe","yes"]"#, "maximum_positions": "24"])
        }
    }

    @Test("every node uses values that exist, and no value is made for nothing")
    func connections() throws {
        for pooling in [EncoderConfiguration.Pooling.first, .mean] {
            for model in [
                try read(ONNXExport.float(QuantizationFixture.encoder(pooling: pooling))),
                try read(ONNXExport.quantized(QuantizationFixture.quantized(pooling: pooling))),
            ] {
                var made = Set(model.inputs.map(\.name) + model.initializers.map(\.name))
                for node in model.nodes {
                    #expect(made.isSuperset(of: node.inputs))
                    made.formUnion(node.outputs)
                }
                let used = Set(model.nodes.flatMap(\.inputs) + model.outputs.map(\.name))
                #expect(made.subtracting(used).isEmpty)
            }
        }
    }

    @Test("the int8 form stores the integers, one quantized input for query, key and value")
    func quantizedForm() throws {
        let encoder = try QuantizationFixture.quantized()
        let model = try read(ONNXExport.quantized(encoder))
        // Four inputs in each of two layers and the pooler's; a weight for each quantized layer.
        #expect(count("QuantizeLinear", in: model) == 2 * 4 + 1)
        #expect(count("DequantizeLinear", in: model) == 2 * 4 + 1 + 2 * 6 + 1)
        let layer = encoder.layers[1].query
        let (query, input) = (try #require(layer.int8), try #require(layer.input))
        let levels = try #require(model.initializer("layer1.query.weight.levels"))
        #expect(levels.type == .int8 && levels.shape == [36, 27])
        #expect(try levels.int8() == transposed(query.levels, rows: 27))
        #expect(try model.initializer("layer1.query.weight.scale")?.float32() == query.scales)
        #expect(try model.initializer("layer1.query.bias")?.float32() == layer.bias)
        #expect(try model.initializer("layer1.input.scale")?.float32() == [input.scale])
        #expect(try model.initializer("layer1.input.zero")?.uint8() == [input.zeroPoint])
        let readers = model.nodes.filter { $0.inputs[0] == "layer1.input" }.map(\.name)
        #expect(readers == ["query", "key", "value"].map { "layer1.\($0).product" })
        let weight = try #require(model.nodes.first { $0.name == "layer1.query.weight" })
        #expect(weight.operation == "DequantizeLinear" && weight.attributes["axis"] == .int(1))
        #expect(model.initializer("words.table")?.type == .int8)
        #expect(model.initializer("logits.weight")?.type == .float32)
        #expect(model.initializers.allSatisfy { $0.tensor.count <= 200 || $0.tensor.type == .int8 })
    }

    @Test("the float form stores the weights transposed, uneven layers with their own sizes")
    func floatForm() throws {
        let encoder = QuantizationFixture.encoder()
        let model = try read(ONNXExport.float(encoder))
        let stored = try #require(model.initializer("layer1.inner.weight"))
        #expect(stored.shape == [36, 33])
        let weight = encoder.layers[1].intermediate.weight.value
        #expect(try stored.float32() == transposed(weight.values, rows: 33))
        let split = try [0, 1].map { layer -> [Int64]? in
            let node = model.nodes.first { $0.name == "layer\(layer).query.split" }
            return try node.flatMap { model.initializer($0.inputs[1]) }?.int64()
        }
        #expect(split == [[0, 0, 4, 9], [0, 0, 3, 9]])
        #expect(count("Erf", in: model) == 2 && count("LayerNormalization", in: model) == 5)
        #expect(count("QuantizeLinear", in: model) == 0)
        let pooled = try #require(model.nodes.first { $0.name == "first.position" })
        #expect(try model.initializer(pooled.inputs[1])?.int64() == [0] && pooled.attributes["axis"] == .int(1))
    }

    @Test("the same model gives the same bytes, also after it was stored and read")
    func determinism() throws {
        let encoder = try QuantizationFixture.quantized()
        let bytes = try ONNXExport.quantized(encoder).serialize()
        #expect(try ONNXExport.quantized(QuantizationFixture.quantized()).serialize() == bytes)
        try QuantizationFixture.withDirectory { directory in
            try encoder.write(to: directory)
            #expect(try ONNXExport.quantized(QuantizedEncoder(reading: directory)).serialize() == bytes)
        }
        let float = try ONNXExport.float(QuantizationFixture.encoder()).serialize()
        #expect(try ONNXExport.float(QuantizationFixture.encoder()).serialize() == float)
    }

    @Test("the int8 file has about a quarter of the float file's size")
    func size() throws {
        let configuration = EncoderConfiguration(
            vocabularySize: 4000, hiddenSize: 192, layers: 2, heads: 6, feedForward: 768, maximumPositions: 64,
            dropout: 0, pooling: .mean, labels: ["no", "yes"])
        let encoder = Encoder(configuration, key: RandomKey(1))
        let ranges = try ActivationCalibration(method: .minMax).ranges(of: encoder, on: [[1, 2, 3]])
        let float = try ONNXExport.float(encoder).serialize().count
        let quantized = try ONNXExport.quantized(QuantizedEncoder(encoder, ranges: ranges)).serialize().count
        #expect(Double(quantized) <= 0.26 * Double(float))
    }
}
