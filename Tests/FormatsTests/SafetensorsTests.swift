import Files
import Formats
import Foundation
import Testing

@Suite struct SafetensorsTests {
    @Test func `reads every element type that the reference library writes`() throws {
        let file = try Safetensors(reading: GoldenFile.url("tiny.safetensors"))
        #expect(file.metadata == ["format": "np", "note": "line\nbreak 😀"])
        #expect(file.tensors.count == 13)
        #expect(try file["f64"]?.float32() == [1.5, -2.25])
        #expect(file["f32"]?.shape == [2, 3])
        #expect(try file["f32"]?.float32() == [0, 0.25, 0.5, 0.75, 1, 1.25])
        #expect(try file["f16"]?.float32() == [1, -0.33325195, 65504, 5.9604645e-8])
        #expect(try file["bf16"]?.float32() == [1, -3.140625, Float(bitPattern: 0x714A_0000)])
        #expect(try file["i64"]?.int64() == [-(1 << 62)])
        #expect(file["i32"]?.shape == [2, 1])
        #expect(try file["i32"]?.int32() == [7, -8])
        #expect(try file["i16"]?.int64() == [-300])
        #expect(try file["i8"]?.int8() == [-128, 127])
        #expect(try file["i8"]?.float32() == [-128, 127])
        #expect(try file["u8"]?.uint8() == [255])
        #expect(try file["bool"]?.int64() == [1, 0])
        #expect(file["empty"]?.shape == [0, 4])
        #expect(try file["scalar"]?.float32() == [2.5])
        #expect(file["scalar"]?.shape == [])
        #expect(try file["name \"quoted\" \\ é"]?.int64() == [9])
        #expect(file["absent"] == nil)
    }

    @Test func `what is written is read back, and the same tensors give the same bytes in any order`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors")
            let tensors: [(name: String, tensor: StoredTensor)] = [
                ("b\"\n\u{1}é", .int8(shape: [3], [-1, 0, 1])), ("z", .float32(shape: [2, 1], [1, -2])),
                ("a", .int64(shape: [], [7])), ("c", .uint8(shape: [0], [])),
            ]
            let file = Safetensors(tensors: tensors, metadata: ["b": "2", "a": "1 \"x\""])
            try file.write(to: url)
            let first = try Data(contentsOf: url)
            let back = try Safetensors(reading: url)
            #expect(back.metadata == file.metadata)
            #expect(back.tensors.map(\.name) == ["a", "z", "b\"\n\u{1}é", "c"])
            for (name, tensor) in tensors { #expect(back[name] == tensor) }
            try Safetensors(tensors: tensors.reversed(), metadata: file.metadata).write(to: url)
            #expect(try Data(contentsOf: url) == first)
        }
    }

    @Test func `the header is sorted, compact and padded to eight bytes`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors")
            let metadata = ["b": "2", "a": "1", "d": "4", "c": "3"]
            try Safetensors(tensors: [("weight", .int8(shape: [2, 1], [5, 6]))], metadata: metadata).write(to: url)
            let header =
                #"{"__metadata__":{"a":"1","b":"2","c":"3","d":"4"},"#
                + #""weight":{"dtype":"I8","shape":[2,1],"data_offsets":[0,2]}}"#
            #expect(header.utf8.count == 109)
            #expect(try Data(contentsOf: url) == Self.file(header + "   ", data: [5, 6]))
        }
    }

    @Test func `escapes in names are undone`() throws {
        let header = #"{"\ud83d\ude00\u00e9\/\n\\\"":{"data_offsets":[0,1],"dtype":"U8","shape":[1]}}"#
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file")
            try Self.file(header, data: [1]).write(to: url)
            #expect(try Safetensors(reading: url).tensors.map(\.name) == ["😀é/\n\\\""])
        }
    }

    @Test func `a tensor that was read stays readable after its file is replaced`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors")
            try Safetensors(tensors: [("a", .float32(shape: [2], [1, 2]))]).write(to: url)
            let old = try Safetensors(reading: url)
            try Safetensors(tensors: [("a", .float32(shape: [1], [3]))]).write(to: url)
            #expect(try old["a"]?.float32() == [1, 2])
            #expect(try Safetensors(reading: url)["a"]?.float32() == [3])
        }
    }

    @Test func `a name given twice is refused and leaves the old file`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors")
            try Safetensors(tensors: [("a", .uint8(shape: [1], [1]))]).write(to: url)
            let old = try Data(contentsOf: url)
            let twice = Safetensors(tensors: [("a", .uint8(shape: [1], [1])), ("a", .uint8(shape: [1], [2]))])
            #expect(try GoldenFile.inputError { try twice.write(to: url) }?.field == "a")
            #expect(try Data(contentsOf: url) == old)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["model.safetensors"])
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}"#, "needs 3 bytes, found 2"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "end at 4, the file has 2"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, "1 bytes at the end"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, "begin at 1, expected 0"),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            "begin at 1, expected 2"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            "given twice"
        ),
        (#"{"a":{"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,2]}}"#, "too large"),
        (#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,2]}}"#, "too large"),
        (#"{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}"#, "whole number"),
        (#"{"a":{"dtype":"U8","shape":[²],"data_offsets":[0,2]}}"#, "whole number"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#, "[begin, end]"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0]}}"#, "[begin, end]"),
        (#"{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#, "'F8_E4M3' is not supported"),
        (#"{"a":{"dtype":"U8","shape":[2]}}"#, "one is missing"),
        (#"{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "each once"),
        (#"{"__metadata__":{"k":1},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "expected \""),
        (#"{"__metadata__":{"k":"1","k":"2"}}"#, "given twice"),
        (#"{"\ud800":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "surrogate"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}} x"#, "after the header"),
        ("[[[[", "expected {"), ("", "expected {"),
    ])
    func `a header that lies is refused`(header: String, problem: String) throws {
        let error = try Self.error(reading: Self.file(header, data: [1, 2]))
        #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    }

    @Test func `a length beyond the file is refused before anything is read`() throws {
        for length in [UInt64.max, 1 << 63, 100, 3] {
            let bytes = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data("{}".utf8)
            #expect(try Self.error(reading: bytes)?.problem.contains("declares \(length) bytes") == true)
        }
        #expect(try Self.error(reading: Data([1, 2, 3]))?.problem.contains("too short") == true)
        #expect(try GoldenFile.inputError { try Safetensors(reading: URL(fileURLWithPath: "/absent")) } != nil)
        #expect(
            try GoldenFile.inputError { try Safetensors(reading: FileManager.default.temporaryDirectory) }?.problem
                == "not a regular file")
    }

    @Test func `every shortened file is refused, and a damaged one never crashes`() throws {
        let bytes = try GoldenFile.bytes("tiny.safetensors")
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("damaged")
            for length in 0..<bytes.count {
                try bytes.prefix(length).write(to: url)
                #expect(try GoldenFile.inputError { try Safetensors(reading: url) } != nil, "\(length) bytes")
            }
            var refused = 0
            for damaged in GoldenFile.damaged(bytes, copies: 10_000) {
                try damaged.write(to: url)
                let error = try GoldenFile.inputError {
                    for (_, tensor) in try Safetensors(reading: url).tensors where tensor.type != .bool {
                        _ = try tensor.float32()
                    }
                }
                refused += error == nil ? 0 : 1
            }
            #expect((5000..<10_000).contains(refused))
        }
    }

    @Test func `conversions that would lose the value are refused`() throws {
        let large = withUnsafeBytes(of: 1e300) { Data($0) }
        let double = try StoredTensor(type: .float64, shape: [1], bytes: large)
        #expect(try GoldenFile.inputError { try double.float32() }?.problem == "element 0 is 1e+300, beyond Float32")
        #expect(try GoldenFile.inputError { try double.int64() } != nil)
        let unsigned = try StoredTensor(type: .uint64, shape: [1], bytes: Data(repeating: 255, count: 8))
        #expect(try GoldenFile.inputError { try unsigned.int64() } != nil)
        #expect(try unsigned.float32() == [0x1p64])
        #expect(try GoldenFile.inputError { try unsigned.int8() }?.problem == "expected I8, found U64")
    }

    private static func file(_ header: String, data: [UInt8]) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + data
    }

    private static func error(reading bytes: Data) throws -> InputError? {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.safetensors")
            try bytes.write(to: url)
            return try GoldenFile.inputError { try Safetensors(reading: url) }
        }
    }
}
