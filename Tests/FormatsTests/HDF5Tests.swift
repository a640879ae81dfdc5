import Files
import Formats
import Foundation
import Testing

@Suite struct HDF5Tests {
    @Test func `reads what h5py writes`() throws {
        let file = try HDF5File(reading: GoldenFile.url("tiny.h5"))
        #expect(try file.string("name") == "tiny é")
        #expect(try file.integer("version") == 3)
        #expect(try file.number("temperature") == 2.5)
        #expect(try file.attribute("absent") == nil)
        #expect(try file.attributeNames() == ["name", "temperature", "version"])
        #expect(try file.links(in: "layer").map(\.name) == ["half", "weight"])
        #expect(try file.links().filter { $0.kind == .group }.map(\.name) == ["layer"])
        let weight = try file.dataset("layer/weight", shape: [nil, 3])
        #expect(weight.shape == [4, 3])
        #expect(weight.elementType == .float32)
        #expect(try weight.read(Float.self) == (0..<12).map { Float($0) })
        #expect(try file.dataset("layer/half").read(UInt16.self) == [0x3C00, 0xC000, 0x7BFF])
        #expect(try file.dataset("ids").read(Int64.self) == [-1, 1 << 40])
        #expect(try file.dataset("small").read(Int32.self) == [-5, 6])
        #expect(try file.dataset("keys").read(UInt64.self) == [.max])
        #expect(try file.dataset("bytes").read(UInt8.self) == [0, 255])
        #expect(try file.dataset("packed").read(Int32.self) == (0..<600).map { Int32($0) })
        #expect(try file.dataset("none").read(Float.self) == [])
    }

    @Test func `reads rows into the caller's memory`() throws {
        let file = try HDF5File(reading: GoldenFile.url("tiny.h5"))
        let packed = try file.dataset("packed")
        var rows = [Int32](repeating: -1, count: 9)
        try rows.withUnsafeMutableBufferPointer { try packed.readRows(63..<66, into: $0) }
        #expect(rows == (189..<198).map { Int32($0) })
        var none: [Int32] = []
        try none.withUnsafeMutableBufferPointer { try packed.readRows(200..<200, into: $0) }
        for range in [199..<202, -1..<2] {
            let error = try GoldenFile.inputError {
                try rows.withUnsafeMutableBufferPointer { try packed.readRows(range, into: $0) }
            }
            #expect(error?.field == "packed")
        }
    }

    @Test func `what is written is read back`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.h5")
            let many = (0..<200_000).map { Float($0 % 100) }
            try HDF5File.create(at: url) { writer in
                try writer.setAttribute("text", to: .string("é"))
                try writer.setAttribute("text", to: .string("replaced ü"))
                try writer.setAttribute("empty", to: .string(""))
                try writer.write([1.5, -2] as [Float], shape: [2], to: "deep/er/values")
                try writer.setAttribute("count", of: "deep/er", to: .integer(.min))
                try writer.setAttribute("rate", of: "deep/er/values", to: .number(0.1))
                try writer.write([0x3C00, 0x7C00] as [UInt16], shape: [1, 2], to: "half")
                try writer.write([1] as [Int32], shape: [], to: "scalar")
                try writer.write([-1, 1] as [Int8], shape: [2], to: "i8")
                try writer.write([0.1] as [Double], shape: [1], to: "f64")
                try writer.write([] as [Int64], shape: [0, 3], to: "none", deflate: 4)
                try writer.write(many, shape: [2000, 100], to: "packed", deflate: 4)
                try writer.createGroup("empty/group")
            }
            let file = try HDF5File(reading: url)
            #expect(try file.string("text") == "replaced ü")
            #expect(try file.string("empty") == "")
            #expect(try file.integer("count", of: "deep/er") == .min)
            #expect(try file.number("rate", of: "deep/er/values") == 0.1)
            #expect(try file.dataset("deep/er/values").read(Float.self) == [1.5, -2])
            #expect(try file.dataset("half").elementType == .float16)
            #expect(try file.dataset("half").read(UInt16.self) == [0x3C00, 0x7C00])
            #expect(try file.dataset("scalar", shape: []).read(Int32.self) == [1])
            #expect(try file.dataset("i8").read(Int8.self) == [-1, 1])
            #expect(try file.dataset("f64").read(Double.self) == [0.1])
            #expect(try file.dataset("none").shape == [0, 3])
            let packed = try file.dataset("packed")
            #expect(try packed.read(Float.self) == many)
            #expect(packed.storedBytes < 200_000)
            #expect(try file.links(in: "empty/group").isEmpty)
        }
    }

    @Test(arguments: [0, 5]) func `appended rows come back in order`(deflate: Int) throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("rows.h5")
            try HDF5File.create(at: url) { writer in
                let rows = try writer.createRows(
                    of: Int32.self, rowShape: [2, 2], to: "a/rows", chunkRows: 4, deflate: deflate)
                for count in [3, 3, 0, 7] {
                    try rows.append((rows.rows * 4..<(rows.rows + count) * 4).map { Int32($0) })
                }
                #expect(rows.rows == 13)
            }
            let dataset = try HDF5File(reading: url).dataset("a/rows", shape: [nil, 2, 2])
            #expect(try dataset.read(Int32.self) == (0..<52).map { Int32($0) })
        }
    }

    @Test func `the same calls give the same bytes at another time`() throws {
        try GoldenFile.withDirectory { directory in
            let files = try (0..<2).map { index in
                let url = directory.appendingPathComponent("\(index).h5")
                try HDF5File.create(at: url) { writer in
                    try writer.setAttribute("version", to: .integer(1))
                    try writer.write((0..<1000).map { Float($0) }, shape: [10, 100], to: "a/b", deflate: 3)
                    try writer.createRows(of: Int64.self, rowShape: [], to: "a/c").append([1, 2])
                }
                // HDF5's time stamps count seconds.
                if index == 0 { Thread.sleep(forTimeInterval: 1.1) }
                return try Data(contentsOf: url)
            }
            #expect(files[0] == files[1])
        }
    }

    @Test func `a body that throws leaves the old file and nothing beside it`() throws {
        struct Stop: Error {}
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.h5")
            try HDF5File.create(at: url) { try $0.write([1] as [Float], shape: [1], to: "x") }
            let old = try Data(contentsOf: url)
            #expect(throws: Stop.self) {
                try HDF5File.create(at: url) { writer in
                    try writer.write([2] as [Float], shape: [1], to: "x")
                    throw Stop()
                }
            }
            #expect(try Data(contentsOf: url) == old)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file.h5"])
        }
    }

    @Test func `writing what cannot be written is refused with a reason`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.h5")
            func error(_ body: (HDF5Writer) throws -> Void) throws -> InputError? {
                try GoldenFile.inputError { try HDF5File.create(at: url, body) }
            }
            let twice = try error { writer in
                try writer.write([1] as [Float], shape: [1], to: "x")
                try writer.write([1] as [Float], shape: [1], to: "x")
            }
            #expect(twice?.file == url.path)
            #expect(twice?.field == "x")
            #expect(twice?.problem.contains("already exists") == true)
            let below = try error { writer in
                try writer.write([1] as [Float], shape: [1], to: "x")
                try writer.write([1] as [Float], shape: [1], to: "x/y")
            }
            #expect(below != nil)
            let long = String(repeating: "x", count: 60_001)
            #expect(try error { try $0.setAttribute("a", to: .string(long)) }?.problem.contains("60001") == true)
            #expect(try error { try $0.setAttribute("a", to: .string(String(long.dropLast()))) } == nil)
            #expect(try error { try $0.setAttribute("a", of: "absent", to: .integer(1)) }?.field == "absent")
            var kept: HDF5Writer?
            try HDF5File.create(at: url) { kept = $0 }
            #expect(try GoldenFile.inputError { try kept?.write([1] as [Float], shape: [1], to: "x") } != nil)
        }
    }

    @Test func `many threads may read one file`() throws {
        let file = try HDF5File(reading: GoldenFile.url("tiny.h5"))
        let expected = (0..<600).map { Int32($0) }
        DispatchQueue.concurrentPerform(iterations: 64) { _ in
            #expect(throws: Never.self) {
                let values = try file.dataset("packed").read(Int32.self)
                #expect(values == expected)
            }
            #expect(throws: InputError.self) { try file.dataset("absent") }
        }
    }
}
