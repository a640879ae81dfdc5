import Files
import Formats
import Foundation
import Testing

@Suite struct FileInspectionTests {
    @Test func `safetensors are told by content, not by name`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("weights.bin")
            try Safetensors(tensors: [("a", .int8(shape: [2, 1], [1, 2]))], metadata: ["k": "v"]).write(to: url)
            let found = try FileInspection(of: url)
            #expect(found.format == .safetensors)
            #expect(found.metadata.map { [$0.name, $0.value] } == [["k", "v"]])
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            #expect(
                String(decoding: try encoder.encode(found), as: UTF8.self)
                    == #"{"format":"safetensors","metadata":[{"name":"k","value":"v"}],"problems":[],"schema":1,"#
                    + #""tensors":[{"bytes":2,"name":"a","shape":[2,1],"type":"I8"}]}"#)
            #expect(try JSONDecoder().decode(FileInspection.self, from: encoder.encode(found)) == found)
        }
    }

    @Test func `an ONNX model shows inputs, outputs and operators`() throws {
        let found = try FileInspection(of: GoldenFile.url("tiny.onnx"))
        #expect(found.format == .onnx)
        let facts = found.metadata.map { "\($0.name): \($0.value)" }
        #expect(
            facts == [
                "ir_version: 8", "operator_sets: ai.onnx 17, com.microsoft 1", "producer: onnx.helper",
                "input x: F32 [batch, 3]", "output y: F32 [batch, 2]", "nodes: Gelu 1, MatMul 1", "task: test",
            ])
        #expect(found.tensors.first { $0.name == "weight" }?.bytes == 24)
    }

    @Test func `an HDF5 file shows what is readable and says why the rest is not`() throws {
        let tiny = try FileInspection(of: GoldenFile.url("tiny.h5"))
        #expect(tiny.format == .hdf5)
        #expect(
            tiny.tensors.map(\.name) == [
                "bytes", "ids", "keys", "layer/half", "layer/weight", "none", "packed", "small",
            ])
        #expect(tiny.tensors[3].type == "F16")
        #expect(tiny.metadata.map(\.name) == ["name", "temperature", "version"])

        let hostile = try FileInspection(of: GoldenFile.url("hostile.h5"))
        #expect(hostile.tensors.map(\.name) == ["big_endian", "fine", "group/inner", "string"])
        let facts = Dictionary(uniqueKeysWithValues: hostile.metadata.map { ($0.name, $0.value) })
        #expect(facts["external_link"] == "external link, not followed")
        #expect(facts["dangling"] == "soft link, not followed")
        #expect(facts["virtual"]?.hasPrefix("not read: a virtual dataset") == true)
        #expect(facts["variable"]?.hasPrefix("not read: ") == true)
    }

    @Test func `a directory lists its entries`() throws {
        try GoldenFile.withDirectory { directory in
            try Data([1, 2, 3]).write(to: directory.appendingPathComponent("b.bin"))
            try FileManager.default.createDirectory(
                at: directory.appendingPathComponent("a"), withIntermediateDirectories: false)
            let found = try FileInspection(of: directory)
            #expect(found.format == .directory)
            #expect(found.metadata.map { "\($0.name) \($0.value)" } == ["a directory", "b.bin 3 bytes"])
        }
    }

    @Test func `anything else is refused with the formats that are known`() throws {
        try GoldenFile.withDirectory { directory in
            for bytes in [Data(), Data("hello".utf8), Data([8, 0xFF]), Data("PK\u{3}\u{4}aaaaaaaaaaaaa".utf8)] {
                let url = directory.appendingPathComponent("file")
                try bytes.write(to: url)
                #expect(try GoldenFile.inputError { try FileInspection(of: url) }?.file == url.path)
            }
            let absent = directory.appendingPathComponent("absent")
            #expect(
                try GoldenFile.inputError { try FileInspection(of: absent) }?.problem.contains("No such file") == true)
        }
    }
}
