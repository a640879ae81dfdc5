import Files
import Formats
import Foundation
import Testing

@Suite("ONNX models with their data beside them")
struct ONNXExternalDataTests {
    private func with(_ body: (URL, [Float]) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let values = (0..<4000).map { Float($0) / 7 }
        var graph = ONNXGraphBuilder(name: "g")
        let x = graph.input("x", .float32, ["batch", 40])
        let weight = graph.initializer("weight", .float32(shape: [40, 100], values))
        let bias = graph.initializer("bias", .float32(shape: [100], Array(values.prefix(100))))
        let product = graph.node("MatMul", [x, weight], name: "product")
        graph.output(graph.node("Add", [product, bias], name: "y"), .float32, ["batch", 100])
        let url = folder.appendingPathComponent("model.onnx")
        try graph.write(to: url, singleFileLimit: 5000)
        try body(url, values)
    }

    @Test("large constants lie in NAME_data, small ones in the model, and both are read")
    func roundTrip() throws {
        try with { url, values in
            let data = url.deletingLastPathComponent().appendingPathComponent("model.onnx_data")
            #expect(try Data(contentsOf: data).count == 16384)
            #expect(try Data(contentsOf: url).count < 2000)
            let model = try ONNXModel(reading: url)
            #expect(try model.initializer("weight")?.float32() == values)
            #expect(try model.initializer("bias")?.float32() == Array(values.prefix(100)))
        }
    }

    @Test("data that is missing, cut off or elsewhere is refused")
    func hostile() throws {
        try with { url, _ in
            let data = url.deletingLastPathComponent().appendingPathComponent("model.onnx_data")
            let whole = try Data(contentsOf: data)
            try whole.prefix(9000).write(to: data)
            let cut = try #require(throws: InputError.self) { try ONNXModel(reading: url) }
            #expect(cut.field == "weight" && cut.problem.contains("do not lie in"))
            try FileManager.default.removeItem(at: data)
            #expect(throws: InputError.self) { try ONNXModel(reading: url) }
            #expect(throws: InputError.self) { try ONNXModel(parsing: Data(contentsOf: url), file: "memory") }
            let message = try Data(contentsOf: url)
            try whole.write(to: data)
            #expect(throws: Never.self) { try ONNXModel(reading: url) }
            // Of equal length, so that the message around them stays whole.
            for (found, put) in [
                ("model.onnx_data", "../model.onnx_d"), ("model.onnx_data", "/etc/../etc/pwd"),
                ("model.onnx_data", "model.onnx_dat_"), ("16000", "99999"), ("16000", "-6000"), ("16000", "15996"),
            ] {
                var changed = message
                changed.replaceSubrange(try #require(changed.range(of: Data(found.utf8))), with: Data(put.utf8))
                try changed.write(to: url)
                #expect(throws: InputError.self, "\(put)") { try ONNXModel(reading: url) }
            }
        }
    }
}
