import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Families and heads beside BERT's classifier, as int8 and as ONNX.
@Suite("Encoders of every family and head, compressed")
struct EncoderFormsTests {
    struct Form: CustomTestStringConvertible, Sendable {
        let name: String
        let change: @Sendable (inout EncoderConfiguration) -> Void

        var testDescription: String { name }
        var encoder: Encoder { QuantizationFixture.encoder(change: change) }
    }

    static let forms = [
        Form(name: "bert-tanh-gelu") { $0.activation = .geluTanh },
        Form(name: "roberta-classification") {
            ($0.family, $0.positionOffset, $0.tokenTypes) = (.roberta, 2, 1)
            $0.activation = .relu
        },
        Form(name: "distilbert-classification") {
            ($0.family, $0.tokenTypes, $0.headDropout) = (.distilbert, 0, 0.125)
        },
        Form(name: "regression") { ($0.head, $0.labels) = (.regression, ["score"]) },
        Form(name: "embedding-mean-normalized") {
            ($0.head, $0.pooling, $0.normalizesEmbedding) = (.embedding, .mean, true)
            ($0.labels, $0.textLimit) = ([], 20)
        },
        Form(name: "embedding-max") { ($0.head, $0.pooling, $0.labels) = (.embedding, .max, []) },
        Form(name: "roberta-embedding-first") {
            ($0.family, $0.positionOffset, $0.tokenTypes) = (.xlmRoberta, 2, 1)
            ($0.head, $0.labels, $0.normalizesEmbedding) = (.embedding, [], true)
        },
    ]

    private static let masked = Form(name: "masked") { ($0.head, $0.labels) = (.maskedLanguageModel, []) }

    private func quantized(_ form: Form) throws -> QuantizedEncoder {
        let encoder = form.encoder
        return try QuantizedEncoder(encoder, ranges: QuantizationFixture.ranges(of: encoder))
    }

    @Test("the integer runtime agrees with the float model that simulates it", arguments: forms)
    func integers(_ form: Form) throws {
        let encoder = form.encoder
        let ranges = try QuantizationFixture.ranges(of: encoder)
        let runtime = IntegerRuntime(try QuantizedEncoder(encoder, ranges: ranges), attention: .float32)
        let batch = QuantizationFixture.batch(QuantizationFixture.sequences(40, seed: 9))
        let float = encoder.logits(batch)
        try QuantizationSimulation.attach(to: encoder, ranges: ranges)
        let integer = runtime.logits(batch)
        #expect(integer.shape == [40, encoder.configuration.outputWidth])
        #expect(agree(integer, encoder.logits(batch)))
        #expect(largestDifference(integer, float) > 1e-4 * largestMagnitude(float))
        #expect(largestDifference(integer, float) < 0.2 * largestMagnitude(float))
    }

    @Test("token types reach the integer runtime as they reach the float model")
    func tokenTypes() throws {
        let encoder = QuantizationFixture.encoder()
        let ranges = try QuantizationFixture.ranges(of: encoder)
        let runtime = IntegerRuntime(try QuantizedEncoder(encoder, ranges: ranges), attention: .float32)
        let sequences = QuantizationFixture.sequences(40, seed: 9)
        let types = sequences.map { $0.indices.map { $0 % 3 == 0 ? Int32(0) : 1 } }
        let batch = PackedBatch(sequences, types: types, samples: Array(sequences.indices))
        try QuantizationSimulation.attach(to: encoder, ranges: ranges)
        let integer = runtime.logits(batch)
        #expect(agree(integer, encoder.logits(batch)))
        #expect(!agree(integer, runtime.logits(QuantizationFixture.batch(sequences))))
    }

    @Test("the int8 directory gives back the model, modules included", arguments: forms)
    func roundTrip(_ form: Form) throws {
        let model = try quantized(form)
        try QuantizationFixture.withDirectory { directory in
            try model.write(to: directory)
            #expect(try QuantizedEncoder(reading: directory) == model)
        }
    }

    @Test("a smaller model without some heads computes what this one does with them at zero", arguments: forms)
    func pruning(_ form: Form) throws {
        let encoder = form.encoder
        let smaller = try encoder.removing(heads: [LayerUnit(layer: 0, index: 1)])
        let output = encoder.layers[0].attentionOutput.weight
        let size = encoder.configuration.headSize
        output.value = Tensor(
            output.value.values.enumerated().map { (size..<2 * size).contains($0 % (4 * size)) ? 0 : $1 },
            shape: output.value.shape)
        let batch = QuantizationFixture.batch(QuantizationFixture.sequences(10))
        let (a, b) = (smaller.logits(batch), encoder.logits(batch))
        #expect(largestDifference(a, b) < 1e-4 * largestMagnitude(b))
    }

    /// With RETORT_EXPORTS set, the models are kept there for `Tests/Consumers/encoders_agree.py`.
    @Test("the ONNX form names its output, and every value is made and used", arguments: forms)
    func onnx(_ form: Form) throws {
        let (encoder, quantized) = (form.encoder, try quantized(form))
        let perToken = try QuantizedEncoder(encoder, .perToken)
        let sequences = QuantizationFixture.sequences(24, seed: 9)
        let batch = QuantizationFixture.batch(sequences)
        for (kind, graph, output) in [
            ("float", try ONNXExport.float(encoder), encoder.logits(batch)),
            ("float16", try ONNXExport.float(encoder, .float16), encoder.logits(batch)),
            ("int8", try ONNXExport.quantized(quantized), IntegerRuntime(quantized, attention: .float32).logits(batch)),
            (
                "fused", try ONNXExport.quantized(quantized, .fused),
                IntegerRuntime(quantized, attention: .float32).logits(batch)
            ),
            (
                "dynamic", try ONNXExport.quantized(perToken, .fused),
                IntegerRuntime(perToken, attention: .float32).logits(batch)
            ),
        ] {
            let model = try ONNXModel(parsing: graph.serialize(), file: "export")
            var made = Set(model.inputs.map(\.name) + model.initializers.map(\.name))
            for node in model.nodes {
                #expect(made.isSuperset(of: node.inputs), "\(node.name)")
                made.formUnion(node.outputs)
            }
            #expect(made.subtracting(model.nodes.flatMap(\.inputs) + model.outputs.map(\.name)).isEmpty)
            let isEmbedding = encoder.configuration.head == .embedding
            #expect(model.outputs.map(\.name) == [isEmbedding ? "sentence_embedding" : "logits"])
            #expect(model.metadata["maximum_positions"] == "\(encoder.configuration.longestText)")
            #expect((model.metadata["labels"] == nil) == isEmbedding)
            guard let folder = ProcessInfo.processInfo.environment["RETORT_EXPORTS"] else { continue }
            let directory = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(form.name)
            try graph.write(to: directory.appendingPathComponent("\(kind).onnx"))
            let width = output.width
            let rows = sequences.indices.map { Array(output.values[$0 * width..<($0 + 1) * width]) }
            let expected = Expected(sequences: sequences, output: rows)
            try AtomicFile.write(
                JSONEncoder().encode(expected), to: directory.appendingPathComponent("\(kind).json"))
        }
    }

    private struct Expected: Encodable {
        var sequences: [[Int32]]
        var output: [[Float]]
    }

    @Test("a masked language model has neither form, and is refused in words")
    func masked() throws {
        let encoder = Self.masked.encoder
        let float = try #require(throws: InputError.self) { try ONNXExport.float(encoder) }
        #expect(float.problem.contains("masked words"))
        let int8 = try #require(throws: InputError.self) {
            try QuantizedEncoder(encoder, ranges: ActivationRanges([:]))
        }
        #expect(int8.problem.contains("masked words"))
    }

    @Test("labels have no loss for other heads than a classifier's, which says so")
    func sensitivity() throws {
        let encoder = QuantizationFixture.encoder { ($0.head, $0.labels) = (.embedding, []) }
        let error = try #require(throws: InputError.self) {
            try ImportanceCriterion.sensitivity.importance(
                of: encoder, calibration: CalibrationSequences([[1, 2]], target: .labels([0])), normalize: .none,
                key: RandomKey(1))
        }
        #expect(error.problem.contains("embedding"))
    }

    /// Forms that have lost whole blocks, which int8 does not have. RETORT_EXPORTS as above.
    @Test("a layer that has lost its attention or its feed-forward block exports what is left of it", arguments: forms)
    func lostBlocks(_ form: Form) throws {
        let encoder = form.encoder
        let lost = try encoder.removing(
            heads: Set((0..<4).map { LayerUnit(layer: 0, index: $0) } + [LayerUnit(layer: 1, index: 2)]),
            neurons: Set((0..<33).map { LayerUnit(layer: 1, index: $0) } + [LayerUnit(layer: 0, index: 7)]))
        let graph = try ONNXExport.float(lost)
        let model = try ONNXModel(parsing: graph.serialize(), file: "export")
        var made = Set(model.inputs.map(\.name) + model.initializers.map(\.name))
        for node in model.nodes {
            #expect(made.isSuperset(of: node.inputs), "\(node.name)")
            made.formUnion(node.outputs)
        }
        #expect(made.subtracting(model.nodes.flatMap(\.inputs) + model.outputs.map(\.name)).isEmpty)
        #expect(model.nodes.count { $0.operation == "Softmax" } == 1)
        let error = try #require(throws: InputError.self) {
            try QuantizedEncoder(lost, ranges: ActivationRanges([:]))
        }
        #expect(error.problem.contains("layers 0, 1"))
        guard let folder = ProcessInfo.processInfo.environment["RETORT_EXPORTS"] else { return }
        let directory = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(form.name + "-lost")
        let sequences = QuantizationFixture.sequences(24, seed: 9)
        let output = lost.logits(QuantizationFixture.batch(sequences))
        try graph.write(to: directory.appendingPathComponent("float.onnx"))
        let rows = sequences.indices.map { Array(output.values[$0 * output.width..<($0 + 1) * output.width]) }
        try AtomicFile.write(
            JSONEncoder().encode(Expected(sequences: sequences, output: rows)),
            to: directory.appendingPathComponent("float.json"))
    }
}
