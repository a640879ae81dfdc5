import Files
import Formats
import Foundation
import Testing

/// The files that Tests/Golden/gguf_files.py wrote, read as the reference reader and dequantizer read them.
@Suite struct GGUFTests {
    private struct Metadata: Decodable {
        var order: [String]
        var bool: [String: Bool]
        var bools: [String: [Bool]]
        var integer: [String: Int]
        var integers: [String: [Int]]
        var number: [String: Double]
        var numbers: [String: [Double]]
        var string: [String: String]
        var strings: [String: [String]]
    }

    @Test func `metadata of every type, in the file's order`() throws {
        let file = try GGUFFile(reading: GoldenFile.url("gguf/types.gguf"))
        let expected = try JSONDecoder().decode(Metadata.self, from: GoldenFile.bytes("gguf/metadata.json"))
        #expect(file.metadata.map(\.key) == expected.order)
        for (key, value) in expected.bool { #expect(try file.bool(key) == value) }
        for (key, value) in expected.bools { #expect(try file.value(key)?.array?.bools() == value) }
        for (key, value) in expected.integer { #expect(try file.integer(key) == value) }
        for (key, value) in expected.integer { #expect(try file.number(key) == Double(value)) }
        for (key, value) in expected.integers { #expect(try file.integers(key) == value) }
        for (key, value) in expected.integers { #expect(try file.numbers(key) == value.map(Double.init)) }
        for (key, value) in expected.number { #expect(try file.number(key) == value) }
        for (key, value) in expected.numbers { #expect(try file.numbers(key) == value) }
        for (key, value) in expected.string { #expect(try file.string(key) == value) }
        for (key, value) in expected.strings { #expect(try file.strings(key) == value) }
    }

    @Test(arguments: ["types", "blocks"])
    func `tensors of every type are exactly what the reference makes of them`(name: String) throws {
        let file = try GGUFFile(reading: GoldenFile.url("gguf/\(name).gguf"))
        let expected = try Safetensors(reading: GoldenFile.url("gguf/\(name).safetensors"))
        #expect(file.alignment == (name == "blocks" ? 64 : 32))
        #expect(Set(file.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
        for (name, tensor) in file.tensors {
            #expect(tensor.type.rawValue == name.split(separator: " ")[0])
            #expect(tensor.shape == expected[name]?.shape)
            let values = try tensor.float32()
            #expect(values.count == tensor.count)
            #expect(try expected[name]?.float32().map(\.bitPattern) == values.map(\.bitPattern), "\(name)")
            guard tensor.shape.count == 2, tensor.shape[0] > 1 else { continue }
            let rows = try tensor.float32(rows: 1..<tensor.shape[0])
            #expect(rows == Array(values[tensor.shape[1]...]), "\(name)")
            #expect(try tensor.float32(rows: 1..<1).isEmpty)
        }
    }

    @Test func `every half is its value`() throws {
        let halves = Array(UInt16.min...UInt16.max)
        let bytes = halves.withUnsafeBytes { Data($0) }
        let values = try StoredTensor(type: .float16, shape: [halves.count], bytes: bytes).float32()
        for (bits, value) in zip(halves, values) {
            let expected = Float(Float16(bitPattern: bits))
            let isSame = expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern
            #expect(isSame, "\(bits)")
        }
    }

    @Test func `a tensor is written straight to where it is wanted`() throws {
        let file = try GGUFFile(reading: GoldenFile.url("gguf/blocks.gguf"))
        let tensor = try #require(file["Q4_1 random"])
        let values = try tensor.float32()
        var target = [Float](repeating: -1, count: values.count + 2)
        try target.withUnsafeMutableBufferPointer { target in
            try tensor.float32(into: UnsafeMutableBufferPointer(rebasing: target[1..<values.count + 1]))
        }
        #expect(target == [-1] + values + [-1])
        var rows = [Float](repeating: -1, count: 1026)
        try rows.withUnsafeMutableBufferPointer { target in
            try tensor.float32(rows: 2..<4, into: UnsafeMutableBufferPointer(rebasing: target[1..<1025]))
        }
        #expect(rows == [-1] + values[1024...] + [-1])
    }

    @Test func `a file far larger than memory opens, and some of its rows are read`() throws {
        var bytes = GGUFBytes()
        bytes.tensor("huge", [1 << 20, 1 << 18])
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("huge.gguf")
            try bytes.data.write(to: url)
            let size = bytes.data.count + 1 << 40
            #expect(truncate(url.path, size) == 0, "no file of a tebibyte here")
            let tensor = try #require(try GGUFFile(reading: url)["huge"])
            #expect(tensor.shape == [1 << 18, 1 << 20])
            #expect(try tensor.float32(rows: 200_000..<200_001) == [Float](repeating: 0, count: 1 << 20))
        }
    }

    @Test func `a value that is absent or of another type is named with its file`() throws {
        let url = GoldenFile.url("gguf/types.gguf")
        let file = try GGUFFile(reading: url)
        #expect(file.value("absent") == nil)
        #expect(try file.stringIfPresent("absent") == nil)
        #expect(try file.integersIfPresent("absent") == nil)
        func error(_ key: String, _ read: () throws -> Void) throws -> String? {
            let error = try GoldenFile.inputError(read)
            #expect(error?.file == url.path)
            #expect(error?.field == key)
            return error?.problem
        }
        #expect(try error("absent") { _ = try file.integer("absent") } == "the metadata has no such key")
        #expect(try error("u8") { _ = try file.string("u8") } == "expected a string, found the number 255")
        #expect(try error("u8") { _ = try file.stringIfPresent("u8") } == "expected a string, found the number 255")
        #expect(
            try error("f32") { _ = try file.integer("f32") }
                == "expected a whole number in the range of Int64, found the number 0.1")
        #expect(try error("string") { _ = try file.number("string") } == "expected a number, found a string")
        #expect(try error("strings") { _ = try file.bool("strings") }?.contains("an array of 4 strings") == true)
        #expect(try error("i8s") { _ = try file.strings("i8s") }?.contains("found one of 2 integers") == true)
        #expect(try error("f32s") { _ = try file.integers("f32s") }?.contains("found one of 3 numbers") == true)
        #expect(try error("yes") { _ = try file.numbers("yes") } == "expected an array of numbers, found a truth value")
    }

    @Test func `inspection shows parameters, abbreviated metadata and every tensor`() throws {
        let found = try FileInspection(of: GoldenFile.url("gguf/types.gguf"))
        #expect(found.format == .gguf)
        let facts = found.metadata.map { "\($0.name): \($0.value)" }
        #expect(facts[..<3] == ["parameters: 901", "bytes_per_weight: 0.839", "general.architecture: llama"])
        #expect(facts.contains(#"tokenizer.ggml.tokens: [200 strings] "token 0", "token 1", "token 2", …"#))
        #expect(facts.contains("f32s: [3 numbers] 0.1, -1e+30, 2.5"))
        #expect(facts.contains("bools: [3 truth values] true, false, true"))
        #expect(facts.contains("u16s: [1 integers] 65535"))
        let block = try #require(found.tensors.first { $0.name == "Q6_K" })
        #expect(block.type == "Q6_K" && block.shape == [1, 256] && block.bytes == 210)
    }

    @Test func `the other formats refuse what only GGUF has`() throws {
        let block = try StoredTensor(type: .q80, shape: [1, 32], bytes: Data(count: 34))
        #expect(block.count == 32)
        #expect(try GoldenFile.inputError { try block.int64() }?.problem == "expected integers, found Q8_0")
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file")
            let error = try GoldenFile.inputError { try Safetensors(tensors: [("w", block)]).write(to: url) }
            #expect(error?.problem == "safetensors has no element type Q8_0")
        }
        var graph = ONNXGraphBuilder(name: "graph")
        _ = graph.initializer("w", block)
        #expect(throws: (any Error).self) { try graph.serialize() }
        let error = try GoldenFile.inputError {
            try StoredTensor(type: .q80, shape: [2, 16], bytes: Data(count: 34))
        }
        #expect(error?.problem.contains("not whole blocks of 32 elements of Q8_0") == true)
    }
}
