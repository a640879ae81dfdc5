import Files
import Formats
import Foundation
import Testing

@Suite("Writing GGUF files")
struct GGUFWritingTests {
    private func write(_ builder: GGUFBuilder) throws -> (GGUFFile, Data) {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        try builder.write(to: url)
        return (try GGUFFile(reading: url), try Data(contentsOf: url))
    }

    private func example() -> GGUFBuilder {
        var file = GGUFBuilder(architecture: "mini")
        file.setOwn("block_count", .unsigned(3))
        file.set("a.float", .float32(0.5))
        file.set("a.flag", .bool(true))
        file.set("a.texts", .strings(["one", "zwei ü", ""]))
        file.set("a.numbers", .integers([-1, 7]))
        file.set("a.floats", .floats([1.5, -2]))
        file.add("odd", .float32(shape: [3], [1, 2, 3]))
        file.add("matrix", .float32(shape: [2, 3], [1, 2, 3, 4, 5, 6]))
        file.add("half", .float16(shape: [2], bits: [0x3C00, 0xC000]))
        return file
    }

    @Test("everything comes back, tensors aligned, and the bytes are always the same")
    func roundTrip() throws {
        let (file, bytes) = try write(example())
        #expect(try file.string("general.architecture") == "mini")
        #expect(try file.integer("mini.block_count") == 3)
        #expect(try file.number("a.float") == 0.5)
        #expect(try file.bool("a.flag"))
        #expect(try file.strings("a.texts") == ["one", "zwei ü", ""])
        #expect(try file.integers("a.numbers") == [-1, 7])
        #expect(try file.numbers("a.floats") == [1.5, -2])
        #expect(file["matrix"]?.shape == [2, 3])
        #expect(try file["matrix"]?.float32() == [1, 2, 3, 4, 5, 6])
        #expect(try file["half"]?.float32() == [1, -2])
        #expect(bytes.count.isMultiple(of: 32))
        #expect(try write(example()).1 == bytes)
    }

    @Test("two tensors of one name, and types that ggml does not have, are refused")
    func refusals() throws {
        var twice = example()
        twice.add("odd", .float32(shape: [1], [0]))
        #expect(throws: InputError.self) { try write(twice) }
        var strange = example()
        strange.add("bytes", .uint8(shape: [1], [0]))
        #expect(throws: InputError.self) { try write(strange) }
    }

    @Test("blocks come back within half a step, and zeros as zeros")
    func blocks() throws {
        let values = (0..<128).map { index in index < 32 ? 0 : sin(Float(index) * 1.7) * Float(index) }
        for (type, levels) in [(ElementType.q80, Float(127)), (.q40, 8)] {
            let tensor = StoredTensor.blocks(type, shape: [2, 64], values)
            let read = try tensor.float32()
            #expect(read.prefix(32).allSatisfy { $0 == 0 })
            for block in 1..<4 {
                let range = block * 32..<(block + 1) * 32
                let largest = values[range].map(abs).max()!
                for index in range {
                    // Q4_0 has one step less on the side away from the largest value; the half scale adds a little.
                    let step = largest / levels * (type == .q40 ? 1.01 : 0.51)
                    #expect(abs(read[index] - values[index]) <= step)
                }
            }
        }
    }

    @Test("values too small for a half's scale come back as zeros")
    func tiny() throws {
        for type in [ElementType.q80, .q40] {
            for value in [Float.leastNonzeroMagnitude, -Float.leastNormalMagnitude, 1e-30] {
                let tensor = StoredTensor.blocks(type, shape: [32], [value] + [Float](repeating: 0, count: 31))
                #expect(try tensor.float32().allSatisfy { $0 == 0 }, "\(type) of \(value)")
            }
        }
    }

    /// From ggml's `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` through the gguf package 0.19.0
    /// (`gguf.quants.quantize`) for x_i = i − 11.
    @Test("blocks have the bytes that the reference gives")
    func reference() throws {
        let x = (0..<32).map { Float($0) - 11 }
        let q80 = StoredTensor.blocks(.q80, shape: [32], x).bytes
        let q40 = StoredTensor.blocks(.q40, shape: [32], x).bytes
        #expect(
            q80.map { String(format: "%02x", $0) }.joined()
                == "0a31bac0c7cdd4dae0e7edf3fa00060d131920262c333940464c53595f666c72797f")
        #expect(q40.map { String(format: "%02x", $0) }.joined() == "00c16c6c5c5b4b4a4a3a3929282818170706")
    }
}
