import Compression
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Our own runtime for exported graphs, against the models that they were written from.
@Suite("Exported graphs, run here")
struct ONNXProofTests {
    private let sequences = QuantizationFixture.sequences(24, seed: 9)

    private func run(_ graph: ONNXGraphBuilder) throws -> [Float] {
        try ONNXProof(graph.serialize(), file: "export").outputs(of: sequences, batch: 5)
    }

    private func difference(_ found: [Float], _ expected: [Float]) -> (largest: Float, mean: Float) {
        let largest = expected.map(abs).max() ?? 1
        let differences = zip(found, expected).map { abs($0 - $1) / largest }
        return (differences.max() ?? .infinity, differences.reduce(0, +) / Float(max(differences.count, 1)))
    }

    @Test("float graphs give what the model gives", arguments: EncoderFormsTests.forms)
    func float(_ form: EncoderFormsTests.Form) throws {
        let encoder = form.encoder
        let expected = encoder.logits(QuantizationFixture.batch(sequences)).values
        let float32 = try run(ONNXExport.float(encoder))
        #expect(float32.count == expected.count)
        #expect(difference(float32, expected).largest < 1e-5)
        let half = difference(try run(ONNXExport.float(encoder, .float16)), expected)
        #expect(half.largest < 2e-2 && half.largest > 1e-6)
    }

    @Test("integer graphs give what the integer runtime gives", arguments: EncoderFormsTests.forms)
    func integers(_ form: EncoderFormsTests.Form) throws {
        let encoder = form.encoder
        var scheme = try QuantizationScheme(QuantizationFixture.ranges(of: encoder), of: encoder)
        scheme.inputFactors = try Smoothing.apply(to: encoder, alpha: 0.5, on: sequences)
        for scheme in [
            scheme,
            scheme.keeping(
                try QuantizationGroup.named(["embeddings", "layer.1.attention.self"], of: encoder.configuration)),
        ] {
            let quantized = try QuantizedEncoder(encoder, scheme)
            let expected = IntegerRuntime(quantized, attention: .float32).logits(QuantizationFixture.batch(sequences))
                .values
            for kind in [ONNXExport.Form.qdq, .fused] {
                let found = difference(try run(ONNXExport.quantized(quantized, kind)), expected)
                #expect(found.mean < 2e-3 && found.largest < 5e-2, "\(kind)")
            }
        }
    }

    @Test("a graph that finds its grids itself comes close to one grid per token", arguments: EncoderFormsTests.forms)
    func dynamic(_ form: EncoderFormsTests.Form) throws {
        let quantized = try QuantizedEncoder(form.encoder, .perToken)
        let expected = IntegerRuntime(quantized, attention: .float32).logits(QuantizationFixture.batch(sequences))
            .values
        let graph = try ONNXExport.quantized(quantized, .fused)
        let model = try ONNXModel(parsing: graph.serialize(), file: "export")
        #expect(model.nodes.contains { $0.operation == "DynamicQuantizeLinear" })
        #expect(
            !model.nodes.contains {
                $0.operation == "QuantizeLinear" || $0.operation == "MatMul" && $0.name.contains("query")
            })
        #expect(difference(try run(graph), expected).mean < 3e-2)
        let error = try #require(throws: InputError.self) { try ONNXExport.quantized(quantized, .qdq) }
        #expect(error.problem.contains("grid of its own"))
    }

    @Test(
        "as a classifier a graph says of a text the same whatever stands beside it", arguments: EncoderFormsTests.forms)
    func alone(_ form: EncoderFormsTests.Form) throws {
        let encoder = form.encoder
        let perToken = try QuantizedEncoder(encoder, .perToken)
        let graphs = [
            try ONNXExport.float(encoder), try ONNXExport.float(encoder, .float16),
            try ONNXExport.quantized(perToken, .fused),
        ]
        for graph in graphs {
            try QuantizationFixture.withDirectory { directory in
                let url = directory.appendingPathComponent("model.onnx")
                try graph.write(to: url)
                let classifier = try ONNXClassifier(reading: url, encoder.configuration)
                let together = try classifier.logits(of: sequences, batch: 7)
                let reversed = try classifier.logits(of: Array(sequences.reversed()), batch: 24)
                let width = encoder.configuration.outputWidth
                let rows = sequences.indices.map {
                    Array(reversed[(sequences.count - 1 - $0) * width..<(sequences.count - $0) * width])
                }
                #expect(together == rows.flatMap { $0 })
                #expect(together == (try ONNXProof(reading: url).outputs(of: sequences, batch: 1)))
                var other = encoder.configuration
                other.maximumPositions -= 5
                #expect(throws: InputError.self) { try ONNXClassifier(reading: url, other) }
            }
        }
    }

    @Test("forms and models that do not belong together are refused")
    func strangePairs() throws {
        #expect(throws: InputError.self) { try ONNXExport.float(QuantizationFixture.encoder(), .qdq) }
        #expect(throws: InputError.self) { try ONNXExport.quantized(QuantizationFixture.quantized(), .float16) }
    }

    @Test("one weight that changed shows in the outputs")
    func sensitivity() throws {
        let encoder = QuantizationFixture.encoder()
        let expected = encoder.logits(QuantizationFixture.batch(sequences)).values
        let weight = encoder.layers[0].output.weight
        weight.value = Tensor(weight.value.values.enumerated().map { $0 == 7 ? $1 + 1 : $1 }, shape: weight.value.shape)
        #expect(difference(try run(ONNXExport.float(encoder)), expected).largest > 1e-4)
    }

    private func graph(_ build: (inout ONNXGraphBuilder, String) -> String) throws -> Data {
        var graph = ONNXGraphBuilder(name: "x")
        let ids = graph.input("input_ids", .int64, ["batch", "sequence"])
        let mask = graph.input("attention_mask", .int64, ["batch", "sequence"])
        _ = graph.node("Identity", [mask], name: "unused")
        graph.output(build(&graph, ids), .float32, ["batch", 2])
        return try graph.serialize()
    }

    @Test("damaged graphs are refused with the node's name")
    func damaged() throws {
        let broken: [(String, (inout ONNXGraphBuilder, String) -> String)] = [
            ("strange", { $0.node("Conv", [$1], name: "strange") }),
            (
                "gather",
                {
                    let table = $0.initializer("table", .float32(shape: [2, 2], [1, 2, 3, 4]))
                    return $0.node("Gather", [table, $1], name: "gather")
                }
            ),
            (
                "reshape",
                {
                    let shape = $0.initializer("shape", .int64(shape: [2], [1 << 40, 1 << 40]))
                    return $0.node("Reshape", [$1, shape], name: "reshape")
                }
            ),
            (
                "product",
                {
                    let weight = $0.initializer("weight", .float32(shape: [3, 2], [1, 2, 3, 4, 5, 6]))
                    let x = $0.node("Cast", [$1], name: "cast", attributes: ["to": .int(1)])
                    return $0.node("MatMul", [x, weight], name: "product")
                }
            ),
            ("turn", { $0.node("Transpose", [$1], name: "turn", attributes: ["perm": .ints([0, 0])]) }),
        ]
        for (name, build) in broken {
            let bytes = try graph(build)
            let error = try #require(throws: InputError.self, "\(name)") {
                _ = try ONNXProof(bytes, file: "f").outputs(of: [[5, 6, 7, 8, 9]])
            }
            #expect(error.field == name)
        }
    }

    @Test("values that are too large, and grids of what is no number, are refused before they are made")
    func absurd() throws {
        let column = [Float](repeating: 1, count: 1 << 16)
        let graphs: [(String, Data)] = [
            (
                "empty",
                try graph { graph, _ in
                    let x = graph.initializer("empty", .float32(shape: [0, 1 << 20, 1 << 20], []))
                    let axes = graph.initializer("axes", .int64(shape: [1], [0]))
                    return graph.node("ReduceSum", [x, axes], name: "sum")
                }
            ),
            (
                "wide",
                try graph { graph, _ in
                    let x = graph.initializer("column", .float32(shape: [1 << 16, 1], column))
                    let y = graph.initializer("row", .float32(shape: [1, 1 << 16], column))
                    return graph.node("MatMul", [x, y], name: "wide")
                }
            ),
            (
                "grid",
                try graph { graph, _ in
                    let x = graph.initializer("x", .float32(shape: [2], [Float.nan, 1]))
                    return graph.node("DynamicQuantizeLinear", [x], outputs: ["grid", "scale", "zero"])[0]
                }
            ),
        ]
        for (name, bytes) in graphs {
            let error = #expect(throws: InputError.self, "\(name)") {
                _ = try ONNXProof(bytes, file: "f").outputs(of: [[5, 6]])
            }
            #expect(error?.field == name)
        }
    }

    @Test("values too small for a scale of their own are zeros on the grid")
    func subnormal() throws {
        let bytes = try graph { graph, _ in
            let x = graph.initializer("x", .float32(shape: [2], [0, Float(bitPattern: 7)]))
            _ = graph.node("DynamicQuantizeLinear", [x], outputs: ["grid", "scale", "zero"])
            return graph.node("DequantizeLinear", ["grid", "scale", "zero"], name: "back")
        }
        #expect(try ONNXProof(bytes, file: "f").outputs(of: [[5, 6]]) == [0, 0])
    }

    @Test("a product that reads nothing is refused")
    func withoutOperands() throws {
        let bytes = try graph { graph, ids in
            let weight = graph.initializer("", .float32(shape: [1, 1], [1]))
            let x = graph.node("Cast", [ids], name: "cast", attributes: ["to": .int(1)])
            _ = graph.node("MatMul", [], outputs: ["u", "v"])
            return graph.node("MatMul", [x, weight], name: "product")
        }
        #expect(throws: InputError.self) { try ONNXProof(bytes, file: "f").outputs(of: [[5, 6]]) }
    }

    /// A graph whose last node has the operation for its name and reads the ids as float, and perhaps a constant.
    private func graph(
        _ operation: String, _ attributes: [String: ONNXAttribute] = [:], weight: StoredTensor? = nil
    ) throws -> Data {
        try graph { graph, ids in
            let x = graph.node("Cast", [ids], name: "cast", attributes: ["to": .int(1)])
            let constants = weight.map { [graph.initializer("weight", $0)] } ?? []
            return graph.node(operation, [x] + constants, name: operation, attributes: attributes)
        }
    }

    @Test("what would be computed otherwise than the file says is refused with the node's name")
    func otherMeaning() throws {
        let graphs: [(String, Data)] = [
            ("Softmax", try graph("Softmax", ["axis": .int(0)])),
            ("MatMul", try graph("MatMul")),
            ("MatMul", try graph("MatMul", weight: .float32(shape: [0, 2], []))),
            ("columns", try columnScales(axis: 0)),
        ]
        for (name, bytes) in graphs {
            let error = #expect(throws: InputError.self, "\(name)") {
                _ = try ONNXProof(bytes, file: "f").outputs(of: [[5, 6, 7, 8, 9]])
            }
            #expect(error?.field == name)
        }
        #expect(try ONNXProof(graph("Softmax", ["axis": .int(-1)]), file: "f").outputs(of: [[5, 6]]).count == 2)
        #expect(try ONNXProof(columnScales(axis: 1), file: "f").outputs(of: [[5]]) == [1, 4, 3, 8])
    }

    private func columnScales(axis: Int64) throws -> Data {
        try graph { graph, _ in
            let levels = graph.initializer("levels", .int8(shape: [2, 2], [1, 2, 3, 4]))
            let scales = graph.initializer("scales", .float32(shape: [2], [1, 2]))
            return graph.node(
                "DequantizeLinear", [levels, scales], name: "columns", attributes: ["axis": .int(axis)])
        }
    }

    @Test("the compressed-tensors layout gives the same numbers, smoothed layers are refused")
    func compressedTensors() throws {
        for form in EncoderFormsTests.forms {
            let encoder = form.encoder
            let ranges = try QuantizationFixture.ranges(of: encoder)
            var scheme = try QuantizationScheme(ranges, of: encoder)
            let batch = QuantizationFixture.batch(sequences)
            for scheme in [
                scheme, .perToken,
                scheme.keeping(try QuantizationGroup.named(["layer.0.output"], of: encoder.configuration)),
            ] {
                let quantized = try QuantizedEncoder(encoder, scheme)
                try QuantizationFixture.withDirectory { directory in
                    try quantized.writeCompressedTensors(to: directory)
                    let read = try QuantizedEncoder(compressedTensors: directory)
                    #expect(
                        IntegerRuntime(read, attention: .float32).logits(batch).values
                            == IntegerRuntime(quantized, attention: .float32).logits(batch).values)
                    let file = try Safetensors(reading: directory.appendingPathComponent("model.safetensors"))
                    let scales = file.tensors.filter {
                        $0.name.hasSuffix("query.weight_scale") || $0.name.hasSuffix("q_lin.weight_scale")
                    }
                    #expect(scales.map(\.tensor.shape) == [[36, 1], [27, 1]])
                }
            }
            scheme.inputFactors = try Smoothing.apply(to: encoder, alpha: 0.5, on: sequences)
            let smoothed = try QuantizedEncoder(encoder, scheme)
            #expect(throws: InputError.self) {
                try smoothed.writeCompressedTensors(to: URL(fileURLWithPath: "/nowhere"))
            }
        }
    }
}
