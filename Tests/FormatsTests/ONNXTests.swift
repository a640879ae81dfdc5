import Files
import Formats
import Foundation
import Testing

@Suite struct ONNXTests {
    @Test func `reads what the reference library writes`() throws {
        let model = try ONNXModel(reading: GoldenFile.url("tiny.onnx"))
        #expect(model.irVersion == 8)
        #expect(model.operatorSets == ["": 17, "com.microsoft": 1])
        #expect(model.producer == "onnx.helper")
        #expect(model.metadata == ["task": "test"])
        #expect(model.inputs.map(\.name) == ["x"])
        #expect(model.inputs.map(\.shape) == [["batch", 3]])
        #expect(model.outputs.map(\.name) == ["y"])
        #expect(model.outputs.map(\.type) == [.float32])
        #expect(model.nodes.map(\.operation) == ["MatMul", "Gelu"])
        #expect(model.nodes[0].inputs == ["x", "weight"])
        let gelu = model.nodes[1]
        #expect(gelu.domain == "com.microsoft")
        #expect(
            gelu.attributes == [
                "exact": .int(1), "scale": .float(0.5), "kind": .string("tanh"), "axes": .ints([0, -1]),
                "weights": .floats([0.25, 0.75]), "names": .strings(["a", "b"]),
                "table": .tensor(.int8(shape: [1], [3])),
            ])
        #expect(model.initializer("weight")?.shape == [3, 2])
        #expect(try model.initializer("weight")?.float32() == [0, 0.5, 1, 1.5, 2, 2.5])
        #expect(try model.initializer("typed_f32")?.float32() == [1.5, -2.5])
        #expect(try model.initializer("typed_f64")?.float32() == [0.1])
        #expect(try model.initializer("typed_i64")?.int64() == [2, -1])
        #expect(model.initializer("typed_i32") == .int32(shape: [], [-7]))
        #expect(model.initializer("typed_i8") == .int8(shape: [2], [-128, 127]))
        #expect(model.initializer("typed_u8") == .uint8(shape: [1], [200]))
        #expect(try model.initializer("typed_f16")?.float32() == [1, -0.5])
        #expect(try model.initializer("typed_u64")?.float32() == [0x1p64])
        #expect(try model.initializer("typed_bool")?.int64() == [1, 0])
    }

    private static func graph() -> ONNXGraphBuilder {
        var graph = ONNXGraphBuilder(name: "classifier")
        let x = graph.input("x", .float32, ["batch", 3])
        let w = graph.initializer("weight", .float32(shape: [3, 2], [1, 2, 3, 4, 5, 6]))
        let bias = graph.initializer("weight", .float32(shape: [2], [0.5, -0.5]))
        let product = graph.node("MatMul", [x, w])
        let sum = graph.node("Add", [product, bias], name: "logits")
        let halves = graph.node(
            "Split", [sum], outputs: ["left", "MatMul"], attributes: ["axis": .int(1)])
        let gelu = graph.node(
            "Gelu", [halves[1]], attributes: ["b": .floats([1]), "a": .string("x")], domain: "com.microsoft")
        graph.output(sum, .float32, ["batch", 2])
        graph.output(gelu, .float32, ["batch", 1])
        graph.setMetadata("task", to: "test")
        graph.setMetadata("heads", to: "[6, 5]")
        return graph
    }

    @Test func `what is built is read back, the same each time`() throws {
        let bytes = try Self.graph().serialize()
        for _ in 0..<5 { #expect(try Self.graph().serialize() == bytes) }
        let model = try ONNXModel(parsing: bytes, file: "built")
        #expect(model.irVersion == 8)
        #expect(model.producer == "retort")
        #expect(model.operatorSets == ["": 17, "com.microsoft": 1])
        #expect(model.metadata == ["task": "test", "heads": "[6, 5]"])
        #expect(model.initializers.map(\.name) == ["weight", "weight_2"])
        #expect(try model.initializer("weight_2")?.float32() == [0.5, -0.5])
        #expect(model.nodes.map(\.name) == ["MatMul", "logits", "left", "Gelu"])
        #expect(model.nodes.map(\.outputs) == [["MatMul"], ["logits"], ["left", "MatMul_2"], ["Gelu"]])
        #expect(model.nodes[1].inputs == ["MatMul", "weight_2"])
        #expect(model.nodes[3].attributes == ["a": .string("x"), "b": .floats([1])])
        #expect(model.inputs.map(\.name) == ["x"])
        #expect(model.inputs.map(\.type) == [.float32])
        #expect(model.inputs.map(\.shape) == [["batch", 3]])
        #expect(model.outputs.map(\.name) == ["logits", "Gelu"])
    }

    @Test func `a graph that does not hang together is refused, every problem named`() throws {
        var graph = ONNXGraphBuilder(name: "broken")
        _ = graph.input("x", .float32, [])
        _ = graph.input("x", .float32, [])
        let sum = graph.node("Add", ["x", "nowhere"])
        graph.output("absent", .float32, [])
        graph.output(sum, .float32, [])
        graph.output(sum, .float32, [])
        let error = #expect(throws: InputErrors.self) { try graph.serialize() }
        #expect(error?.errors.map(\.field) == ["x", "Add", "absent", "Add"])
    }

    @Test func `writing replaces the file whole`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("export/model.onnx")
            try Self.graph().write(to: url)
            #expect(try ONNXModel(reading: url).nodes.count == 4)
        }
    }

    @Test func `data in another file and unknown element types are refused by name`() throws {
        let external = try GoldenFile.inputError { try ONNXModel(reading: GoldenFile.url("external.onnx")) }
        #expect(external?.field == "weight")
        #expect(external?.problem.contains("../../etc/passwd") == true)
        let fourBits = try GoldenFile.inputError { try ONNXModel(reading: GoldenFile.url("int4.onnx")) }
        #expect(fourBits?.field == "int4")
        #expect(fourBits?.problem.contains("22 (int4)") == true)
    }

    @Test func `a shape that its bytes do not fill is refused`() throws {
        var bytes = try Self.graph().serialize()
        let dims = try #require(bytes.range(of: Data([8, 3, 8, 2, 16, 1])))
        bytes[dims.lowerBound + 1] = 100
        let error = try GoldenFile.inputError { try ONNXModel(parsing: bytes, file: "built") }
        #expect(error?.field == "weight")
        #expect(error?.problem == "the shape [100, 2] of F32 needs 800 bytes, found 24")
    }

    @Test func `shortened and damaged files never crash`() throws {
        let bytes = try GoldenFile.bytes("tiny.onnx")
        for length in 0..<bytes.count {
            // A cut between two fields leaves a shorter model; metadata is the last field.
            let error = try GoldenFile.inputError {
                let model = try ONNXModel(parsing: bytes.prefix(length), file: "short")
                #expect(model.metadata.isEmpty)
            }
            #expect(error?.file ?? "short" == "short")
        }
        var refused = 0
        for damaged in GoldenFile.damaged(bytes, copies: 2000) {
            let error = try GoldenFile.inputError {
                for (_, tensor) in try ONNXModel(parsing: damaged, file: "damaged").initializers
                where tensor.type != .bool {
                    _ = try tensor.float32()
                }
            }
            refused += error == nil ? 0 : 1
        }
        #expect((500..<2000).contains(refused))
    }
}
