import Files
import Formats
import Foundation
import Testing

/// GGUF files that are cut short, damaged, or lie about what they hold: refused with file and field, or read.
@Suite struct HostileGGUFTests {
    private struct Lie: CustomTestStringConvertible {
        var testDescription: String
        var field: String?
        var problem: String
        var file: GGUFBytes

        init(_ name: String, field: String?, problem: String, _ change: (inout GGUFBytes) -> Void) {
            testDescription = name
            self.field = field
            self.problem = problem
            var file = GGUFBytes()
            change(&file)
            self.file = file
        }
    }

    private static let lies: [Lie] = [
        Lie("version 2", field: "version", problem: "GGUF version 2, only version 3 is read") { $0.version = 2 },
        Lie("big-endian", field: "version", problem: "big-endian") { $0.version = UInt32(3).byteSwapped },
        Lie("more tensors than bytes", field: "number of tensors", problem: "more than its 32 bytes can hold") {
            $0.declaredTensors = .max
        },
        Lie("more keys than bytes", field: "number of metadata keys", problem: "more than its 32 bytes can hold") {
            $0.declaredKeys = 1 << 63
        },
        Lie("more tensors than a model has", field: "number of tensors", problem: "at most 65536 are read") {
            $0.declaredTensors = 65_537
            $0.body = Data(count: 24 * 65_537)
        },
        Lie("one tensor too many", field: "tensor 1", problem: "the file ends here") {
            $0.tensor("a", [1])
            $0.declaredTensors = 2
            $0.declaredKeys = 0
        },
        Lie("a key longer than the file", field: "metadata key 0", problem: "are left in the file") {
            $0.key(GGUFBytes.bytes(UInt64.max) + Data(count: 64))
        },
        Lie("a key given twice", field: "k", problem: "given twice") {
            for _ in 0..<2 { $0.key("k", type: 0, Data([1])) }
        },
        Lie("a key that is not UTF-8", field: "metadata key 0", problem: "not UTF-8") {
            $0.key(GGUFBytes.bytes(UInt64(2)) + Data([0xC3, 0x28]) + GGUFBytes.bytes(UInt32(0)) + Data([1]))
        },
        Lie("a string longer than the file", field: "k", problem: "a string of 9223372036854775808 bytes") {
            $0.key("k", type: 8, GGUFBytes.bytes(UInt64(1) << 63) + Data(count: 16))
        },
        Lie("an unknown value type", field: "k", problem: "the value type 13 does not exist") {
            $0.key("k", type: 13, Data(count: 8))
        },
        Lie("a truth value of 2", field: "k", problem: "must be 0 or 1") { $0.key("k", type: 7, Data([2])) },
        Lie("an array whose bytes overflow", field: "k", problem: "more than the file's") {
            $0.array("k", of: 12, count: 1 << 61, Data(count: 16))
        },
        Lie("an array longer than the file", field: "k", problem: "the array declares 18446744073709551615 elements") {
            $0.array("k", of: 0, count: .max, Data(count: 16))
        },
        Lie("an array of more strings than fit", field: "k", problem: "more than the file's") {
            $0.array("k", of: 8, count: 1000, Data(count: 16))
        },
        Lie("a string of an array longer than the file", field: "k", problem: "a string of 4096 bytes") {
            $0.array("k", of: 8, count: 2, GGUFBytes.string("a") + GGUFBytes.bytes(UInt64(4096)))
        },
        Lie("an array of arrays", field: "k", problem: "an array of arrays is not read") {
            $0.array("k", of: 9, count: 1, Data(count: 16))
        },
        Lie("an array of an unknown type", field: "k", problem: "of its elements does not exist") {
            $0.array("k", of: 77, count: 1, Data(count: 16))
        },
        Lie("an array with a truth value of 3", field: "k", problem: "must be 0 or 1") {
            $0.array("k", of: 7, count: 3, Data([0, 3, 1]))
        },
        Lie(
            "alignment 0", field: "general.alignment", problem: "expected a power of two up to 2^30, found the number 0"
        ) {
            $0.key("general.alignment", type: 4, GGUFBytes.bytes(UInt32(0)))
        },
        Lie("alignment 48", field: "general.alignment", problem: "found the number 48") {
            $0.key("general.alignment", type: 4, GGUFBytes.bytes(UInt32(48)))
        },
        Lie("alignment 2⁶³", field: "general.alignment", problem: "found the number 9223372036854775808") {
            $0.key("general.alignment", type: 10, GGUFBytes.bytes(UInt64(1) << 63))
        },
        Lie("an alignment in words", field: "general.alignment", problem: "found a string") {
            $0.key("general.alignment", type: 8, GGUFBytes.string("32"))
        },
        Lie("an alignment beyond the file", field: "w", problem: "do not lie in the 0 bytes") {
            $0.key("general.alignment", type: 4, GGUFBytes.bytes(UInt32(1) << 30))
            $0.tensor("w", [1])
            $0.body = Data(count: 4)
        },
        Lie("a tensor name given twice", field: "w", problem: "two tensors have this name") {
            for _ in 0..<2 { $0.tensor("w", [1]) }
            $0.body = Data(count: 4)
        },
        Lie("five extents", field: "w", problem: "5 extents, at most 4") { $0.tensor("w", [1, 1, 1, 1, 1]) },
        Lie("2³² − 1 extents", field: "w", problem: "4294967295 extents") { $0.tensor("w", [1], rank: .max) },
        Lie("an extent of 2⁶³", field: "w", problem: "too large to be real") { $0.tensor("w", [1 << 63]) },
        Lie("extents whose product overflows", field: "w", problem: "too large to be real") {
            $0.tensor("w", [1 << 31, 1 << 31, 4])
        },
        Lie("a type that is not read", field: "w", problem: "IQ2_XS is not read") { $0.tensor("w", [256], type: 17) },
        Lie("a type that does not exist", field: "w", problem: "type 999 is not read") {
            $0.tensor("w", [256], type: 999)
        },
        Lie("a row of half a block", field: "w", problem: "not whole blocks of 32 elements of Q4_1") {
            $0.tensor("w", [16, 2], type: 3)
            $0.body = Data(count: 20)
        },
        Lie("a block format without rows", field: "w", problem: "not whole blocks of 256 elements of Q4_K") {
            $0.tensor("w", [], type: 12)
            $0.body = Data(count: 144)
        },
        Lie("an offset between two multiples", field: "w", problem: "begin at 4, no multiple of the alignment 32") {
            $0.tensor("w", [1], offset: 4)
            $0.body = Data(count: 64)
        },
        Lie("an offset beyond the file", field: "w", problem: "4 bytes from 64 do not lie in the 64 bytes") {
            $0.tensor("w", [1], offset: 64)
            $0.body = Data(count: 64)
        },
        Lie("an offset that overflows", field: "w", problem: "from 18446744073709551584 do not lie") {
            $0.tensor("w", [1], offset: .max - 31)
            $0.body = Data(count: 64)
        },
        Lie("a tensor that ends beyond the file", field: "w", problem: "68 bytes from 0 do not lie in the 64 bytes") {
            $0.tensor("w", [17])
            $0.body = Data(count: 64)
        },
        Lie("tensors that share bytes", field: "v", problem: "begin inside those of w") {
            $0.tensor("w", [16])
            $0.tensor("v", [8], offset: 32)
            $0.body = Data(count: 64)
        },
        Lie("an empty tensor beyond the file", field: "w", problem: "0 bytes from 32 do not lie in the 0 bytes") {
            $0.tensor("w", [0], offset: 32)
        },
    ]

    @Test(arguments: lies.indices)
    func `a file that lies is refused with its field`(index: Int) throws {
        let lie = Self.lies[index]
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.gguf")
            try lie.file.data.write(to: url)
            let error = try Self.error(reading: url)
            #expect(error?.file == url.path, "\(lie.testDescription)")
            #expect(error?.field == lie.field, "\(lie.testDescription)")
            #expect(
                error?.problem.contains(lie.problem) == true, "\(lie.testDescription): \(String(describing: error))")
        }
    }

    @Test func `what is odd but true is read`() throws {
        var bytes = GGUFBytes()
        bytes.alignment = 1
        bytes.key("general.alignment", type: 4, GGUFBytes.bytes(UInt32(1)))
        bytes.array("empty", of: 8, count: 0, Data())
        bytes.tensor("scalar", [], offset: 1)
        bytes.tensor("bytes", [3, 1], type: 24, offset: 5)
        bytes.tensor("none", [0, 5], offset: 5)
        bytes.body = Data([7, 0, 0, 0x80, 0x3F, 0, 0x80, 0x3F])
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("odd.gguf")
            try bytes.data.write(to: url)
            let file = try GGUFFile(reading: url)
            #expect(try file.strings("empty") == [])
            #expect(file.value("empty")?.description == "[0 strings]")
            #expect(try file["scalar"]?.float32() == [1])
            #expect(file["scalar"]?.shape == [])
            #expect(try file["bytes"]?.float32() == [0, -128, 63])
            #expect(file["bytes"]?.shape == [1, 3])
            #expect(try file["none"]?.float32() == [])
            #expect(file["none"]?.shape == [5, 0])
        }
    }

    @Test func `elements that are wrong are named when they are asked for`() throws {
        var bytes = GGUFBytes()
        bytes.array("text", of: 8, count: 2, GGUFBytes.string("a") + GGUFBytes.bytes(UInt64(1)) + Data([0xFF]))
        bytes.array("large", of: 10, count: 2, GGUFBytes.bytes(UInt64(1)) + GGUFBytes.bytes(UInt64.max))
        bytes.array("many", of: 0, count: 524_289, Data(count: 524_289))
        bytes.key("number", type: 10, GGUFBytes.bytes(UInt64.max))
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.gguf")
            try bytes.data.write(to: url)
            let file = try GGUFFile(reading: url)
            func problem(_ read: () throws -> Void) throws -> String? { try GoldenFile.inputError(read)?.problem }
            #expect(try problem { _ = try file.strings("text") } == "element 1 is not UTF-8")
            #expect(
                try problem { _ = try file.integers("large") } == "element 1 is 18446744073709551615, beyond Int64")
            #expect(try file.numbers("large") == [1, 0x1p64])
            #expect(
                try problem { _ = try file.integers("many") } == "has 524289 elements, at most 524288 are read")
            #expect(
                try problem { _ = try file.integer("number") }?.hasSuffix("the number 18446744073709551615") == true)
            let shown = file.metadata.map(\.value.description)
            #expect(shown[0] == "[2 strings] not read: element 1 is not UTF-8")
            #expect(shown[1...2] == ["[2 integers] 1, 18446744073709551615", "[524289 integers] 0, 0, 0, …"])
        }
    }

    @Test func `a file cut short anywhere is refused with its field`() throws {
        let bytes = try GoldenFile.bytes("gguf/types.gguf")
        let padding = 16
        #expect(bytes.count > 4096 + padding)
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.gguf")
            try bytes.write(to: url)
            for length in (0..<bytes.count).reversed() {
                try #require(truncate(url.path, length) == 0)
                let error = try Self.error(reading: url)
                #expect((error == nil) == (length >= bytes.count - padding), "\(length) bytes")
                #expect(error?.file == url.path || error == nil, "\(length) bytes")
                #expect(error?.field != nil || error == nil || length < 4, "\(length) bytes")
            }
        }
    }

    @Test func `a damaged file is refused with its field, or everything in it is read`() throws {
        let bytes = try GoldenFile.bytes("gguf/types.gguf")
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("file.gguf")
            try bytes.write(to: url)
            var refused = 0
            for damaged in GoldenFile.damaged(bytes, copies: 10_000) {
                try GoldenFile.overwrite(url, with: damaged)
                guard let error = try Self.error(reading: url) else { continue }
                refused += 1
                #expect(error.file == url.path)
                #expect(error.field != nil || error.problem.hasPrefix("not a GGUF file"), "\(error)")
            }
            #expect((1000..<9000).contains(refused), "\(refused)")
        }
    }

    /// Opens the file and reads everything in it. Errors of values come without file and field, which their readers know;
    /// those of opening are returned.
    private static func error(reading url: URL) throws -> InputError? {
        try GoldenFile.inputError {
            let file = try GGUFFile(reading: url)
            for (_, value) in file.metadata {
                _ = value.description
                guard let array = value.array else { continue }
                for read in [array.strings, array.integers, array.numbers, array.bools] as [() throws -> Any] {
                    _ = try GoldenFile.inputError(read)
                }
            }
            for (_, tensor) in file.tensors { _ = try GoldenFile.inputError(tensor.float32) }
        }
    }
}
