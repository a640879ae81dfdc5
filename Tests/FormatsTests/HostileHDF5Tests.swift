import Files
import Formats
import Foundation
import Testing

@Suite struct HostileHDF5Tests {
    @Test(arguments: [
        ("external_storage", "another file"), ("external_link", "another file"),
        ("external_link/weight", "another file"),
        ("soft_link", "soft link"), ("dangling", "soft link"), ("virtual", "virtual"), ("lzf", "32000 'lzf'"),
        ("contiguous_bomb", "0 are stored"), ("chunked_bomb", "0 are stored"), ("written_bomb", "are stored"),
        ("overflow", "too large to be real"), ("chunk_bomb", "0 are stored"), ("null", "empty"),
        ("group", "expected a dataset"), ("fine/x", "not in the file"), ("absent", "not in the file"),
        ("./fine", "not in the file"), ("", "expected a dataset"),
    ])
    func `a dataset that leads astray is refused by name`(path: String, problem: String) throws {
        let url = GoldenFile.url("hostile.h5")
        let file = try HDF5File(reading: url)
        let error = try GoldenFile.inputError { try file.dataset(path).read(Float.self) }
        #expect(error?.file == url.path)
        #expect(error?.field == path)
        #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    }

    @Test func `a name is not cut at a zero byte`() throws {
        let file = try HDF5File(reading: GoldenFile.url("hostile.h5"))
        #expect(try GoldenFile.inputError { try file.dataset("fine\u{0}x") } != nil)
    }

    @Test func `the wrong type, shape or size is refused`() throws {
        let file = try HDF5File(reading: GoldenFile.url("hostile.h5"))
        #expect(try file.dataset("fine").read(Float.self) == [1])
        let type = try GoldenFile.inputError { try file.dataset("fine").read(Int32.self) }
        #expect(type?.problem == "expected elements of type I32, found F32")
        for path in ["big_endian", "string"] {
            let error = try GoldenFile.inputError { try file.dataset(path).read(Float.self) }
            #expect(error?.problem.contains("a type that is not read") == true)
        }
        let shape = try GoldenFile.inputError { try file.dataset("fine", shape: [nil, 2]) }
        #expect(shape?.problem == "expected the shape [any, 2], found [1]")
        #expect(try GoldenFile.inputError { try file.dataset("fine", shape: [2]) } != nil)
        let size = try GoldenFile.inputError { try file.dataset("fine").read(Float.self, byteLimit: 3) }
        #expect(size?.problem.contains("the limit is 3") == true)
    }

    @Test(arguments: [("variable", "variable-length"), ("array", "not a single value"), ("too_large", "beyond")])
    func `an attribute that cannot be taken is refused`(name: String, problem: String) throws {
        let file = try HDF5File(reading: GoldenFile.url("hostile.h5"))
        #expect(try GoldenFile.inputError { try file.attribute(name) }?.problem.contains(problem) == true)
    }

    @Test func `a missing attribute, or one of another kind, is named`() throws {
        let file = try HDF5File(reading: GoldenFile.url("tiny.h5"))
        #expect(try GoldenFile.inputError { try file.string("absent") }?.problem.contains("'absent'") == true)
        #expect(try GoldenFile.inputError { try file.string("version") } != nil)
        #expect(try GoldenFile.inputError { try file.integer("temperature") } != nil)
        #expect(try file.number("version") == 3)
    }

    @Test func `every shortened file is refused`() throws {
        let bytes = try GoldenFile.bytes("tiny.h5")
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("short.h5")
            try bytes.write(to: url)
            for length in (0..<bytes.count).reversed() {
                try #require(truncate(url.path, length) == 0)
                #expect(try GoldenFile.inputError { try HDF5File(reading: url) } != nil, "\(length) bytes")
            }
        }
    }

    @Test func `what is not HDF5 is refused`() throws {
        for name in ["tiny.onnx", "absent.h5", ""] {
            let error = try GoldenFile.inputError { try HDF5File(reading: GoldenFile.url(name)) }
            #expect(error?.file == GoldenFile.url(name).path)
        }
    }
}
