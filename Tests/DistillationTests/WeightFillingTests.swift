import Distillation
import Files
import Formats
import Foundation
import Layers
import Tensors
import Testing

@Suite("Filling parameters with stored tensors")
struct WeightFillingTests {
    /// A file of these tensors, given to `body`.
    private func withWeights(
        _ tensors: [(name: String, tensor: StoredTensor)], _ body: (StoredWeights) throws -> Void
    ) throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors")
            try Safetensors(tensors: tensors).write(to: url)
            try body(StoredWeights(file: url))
        }
    }

    private func matrix(_ rows: Int, _ width: Int) -> [Float] {
        (0..<rows * width).map { Float($0) - 7.5 }
    }

    private func half(_ values: [Float], _ type: ElementType, shape: [Int]) throws -> StoredTensor {
        let bits = values.map { type == .float16 ? Float16($0).bitPattern : UInt16($0.bitPattern >> 16) }
        return try StoredTensor(type: type, shape: shape, bytes: bits.withUnsafeBytes { Data($0) })
    }

    private func parameter(_ shape: [Int]) -> Parameter {
        Parameter(name: "w", value: Tensor(zeros: shape), decays: true)
    }

    /// What a parameter of this shape gets from the tensor x.
    private func filled(_ shape: [Int], _ tensor: StoredTensor, _ part: StoredPart) throws -> [Float] {
        let parameter = parameter(shape)
        try withWeights([("x", tensor)]) {
            var filling = WeightFilling($0)
            filling.fill(parameter, from: part)
            try filling.finish()
        }
        return parameter.value.values
    }

    /// 300 rows are spread over threads; 5 are not.
    @Test("whole, transposed, of a fused tensor, and in another order", arguments: [5, 300], [1, 3, 700])
    func parts(outputs: Int, inputs: Int) throws {
        let values = matrix(3 * outputs, inputs)
        let fused = StoredTensor.float32(shape: [3 * outputs, inputs], values)
        let second = Array(values[outputs * inputs..<2 * outputs * inputs])
        let shape = [outputs, inputs]
        #expect(try filled([3 * outputs, inputs], fused, StoredPart("x")) == values)
        #expect(try filled(shape, fused, StoredPart("x", first: outputs, of: 3 * outputs)) == second)

        let turned = (0..<inputs).flatMap { i in (0..<3 * outputs).map { values[$0 * inputs + i] } }
        let transposed = StoredTensor.float32(shape: [inputs, 3 * outputs], turned)
        #expect(try filled([3 * outputs, inputs], transposed, StoredPart("x", isTransposed: true)) == values)
        #expect(
            try filled(shape, transposed, StoredPart("x", isTransposed: true, first: outputs, of: 3 * outputs))
                == second)

        let order = (0..<outputs).map { ($0 * 3 + 1) % outputs }.map { outputs % 3 == 0 ? outputs - 1 - $0 : $0 }
        let distinct = Set(order).count == outputs ? order : Array((0..<outputs).reversed())
        let permuted = distinct.flatMap { second[$0 * inputs..<($0 + 1) * inputs] }
        #expect(
            try filled(shape, fused, StoredPart("x", first: outputs, of: 3 * outputs, order: distinct)) == permuted)
        #expect(
            try filled(
                shape, transposed,
                StoredPart("x", isTransposed: true, first: outputs, of: 3 * outputs, order: distinct)) == permuted)
    }

    @Test("biases: whole, and of a fused one, also where weights are transposed")
    func biases() throws {
        let fused = StoredTensor.float32(shape: [12], matrix(12, 1))
        #expect(try filled([12], fused, StoredPart("x", isTransposed: true)) == matrix(12, 1))
        #expect(
            try filled([4], fused, StoredPart("x", isTransposed: true, first: 8, of: 12)) == Array(matrix(12, 1)[8...]))
    }

    @Test("half-precision numbers as floats, whole numbers not at all", arguments: [ElementType.float16, .bfloat16])
    func types(_ type: ElementType) throws {
        #expect(try filled([4, 6], half(matrix(4, 6), type, shape: [4, 6]), StoredPart("x")) == matrix(4, 6))
        let turned = (0..<6).flatMap { column in (0..<4).map { matrix(4, 6)[$0 * 6 + column] } }
        #expect(
            try filled([4, 6], half(turned, type, shape: [6, 4]), StoredPart("x", isTransposed: true)) == matrix(4, 6))
        let integers = StoredTensor.int8(shape: [2, 2], [1, -2, 3, -128])
        #expect(throws: InputErrors.self) { try filled([2, 2], integers, StoredPart("x")) }
    }

    @Test("gathers what is missing, misshapen, not finite, not a number, doubled and surplus")
    func problems() throws {
        let bool = try StoredTensor(type: .bool, shape: [1], bytes: Data(count: 1))
        try withWeights([
            ("shape", .float32(shape: [2, 3], matrix(2, 3))), ("nan", .float32(shape: [1], [.nan])),
            ("infinite", .float32(shape: [1], [-.infinity])), ("bool", bool), ("extra", .float32(shape: [1], [1])),
            ("known", .float32(shape: [1], [1])), ("old.name", .float32(shape: [1], [1])),
            ("name", .float32(shape: [1], [1])),
        ]) {
            var filling = WeightFilling($0) { $0 == "old.name" ? "name" : $0 }
            filling.fill(parameter([3, 2]), from: StoredPart("shape"))
            for name in ["nan", "infinite", "bool", "name"] { filling.fill(parameter([1]), from: StoredPart(name)) }
            filling.fill(parameter([4]), from: StoredPart("gone", first: 4, of: 12), remedy: "find it")
            filling.fill(parameter([4]), from: StoredPart("gone", first: 8, of: 12), remedy: "find it")
            let errors = try #require(throws: InputErrors.self) { try filling.finish { $0 == "known" } }.errors
            let found = errors.map { "\($0.field ?? "?"): \($0.problem)" }.sorted()
            #expect(
                found == [
                    "bool: found BOOL, expected floating-point numbers such as F32, F16 or BF16",
                    "extra: surplus: the configuration has no such tensor",
                    "gone: missing, expected shape [12]", "infinite: holds NaN or infinite values",
                    "nan: holds NaN or infinite values", "old.name: stands for name, and so does name",
                    "shape: found shape [2, 3], expected [3, 2]",
                ])
            #expect(errors.allSatisfy { $0.file?.hasSuffix("model.safetensors") == true })
            #expect(errors.first { $0.field == "gone" }?.remedy == "find it")
        }
    }

    @Test("refuses a model far beyond the file, before anything is filled")
    func room() throws {
        try withWeights([("x", .float32(shape: [2], [1, 2]))]) {
            let filling = WeightFilling($0)
            try filling.requireRoom(for: 1 << 20, describedBy: "config.json")
            let errors = try #require(throws: InputErrors.self) {
                try filling.requireRoom(for: 1 << 30, describedBy: "config.json")
            }
            #expect(errors.errors[0].problem.contains("holds 2 weights"))
        }
    }
}
