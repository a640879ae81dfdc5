import Files
import Formats
import Foundation
import Testing

@Suite struct StoredWeightsTests {
    @Test func `the content tells the format, not the name`() throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("weights")
            for (source, format, count) in [
                (GoldenFile.url("tiny.safetensors"), StoredWeights.Format.safetensors, 13),
                (GoldenFile.url("gguf/types.gguf"), .gguf, nil), (GoldenPyTorch.url("views.bin"), .pytorch, 13),
            ] as [(URL, StoredWeights.Format, Int?)] {
                try Data(contentsOf: source).write(to: url)
                let weights = try StoredWeights(file: url)
                #expect(weights.format == format)
                #expect(weights.file == url.path)
                #expect(Set(weights.names) == Set(weights.tensors.keys) && weights.names.count == weights.tensors.count)
                if let count { #expect(weights.names.count == count) }
                #expect(weights.names.allSatisfy { weights.file(of: $0) == url.path })
            }
        }
    }

    @Test(arguments: [0x7B, 0x08, 0x280, 0x380, 0x4B50])
    func `safetensors whose length begins like another format are told apart`(length: Int) throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("weights")
            let header = #"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
            let padded = header + String(repeating: " ", count: (length + 0x10000 - header.utf8.count) % 0x10000)
            let size = withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Data($0) }
            try (size + Data(padded.utf8) + [7]).write(to: url)
            #expect(try StoredWeights(file: url).tensors["w"]?.uint8() == [7])
            #expect(try FileInspection(of: url).format == .safetensors)
        }
    }

    @Test func `a directory's weights are looked for in the order in which they are preferred`() throws {
        try GoldenFile.withDirectory { directory in
            let none = try GoldenFile.inputError { try StoredWeights(directory: directory) }
            #expect(none?.problem.contains("no weights: expected model.safetensors") == true)
            func add(_ name: String, _ bytes: Data) throws {
                try bytes.write(to: directory.appendingPathComponent(name))
            }
            let gguf = try Data(contentsOf: GoldenFile.url("gguf/types.gguf"))
            try add("a.gguf", gguf)
            #expect(try StoredWeights(directory: directory).format == .gguf)
            try add("b.gguf", gguf)
            let several = try GoldenFile.inputError { try StoredWeights(directory: directory) }
            #expect(several?.problem == "several GGUF files: a.gguf, b.gguf")
            try add("pytorch_model.bin.index.json", Self.index(["weight_map": ["w": "shard"]]))
            try Data(contentsOf: GoldenPyTorch.url("nested.pt")).write(to: directory.appendingPathComponent("shard"))
            #expect(try GoldenPyTorch.problems { try StoredWeights(directory: directory) }.count == 4)
            try add("pytorch_model.bin", Data(contentsOf: GoldenPyTorch.url("module.bin")))
            #expect(try StoredWeights(directory: directory).tensors["0.weight"]?.shape == [2, 3])
            try Self.writeShards(in: directory)
            #expect(try StoredWeights(directory: directory).names == ["a", "b", "c"])
            try Self.write(["only": 7], to: directory.appendingPathComponent("model.safetensors"))
            #expect(try StoredWeights(directory: directory).names == ["only"])
        }
    }

    @Test func `shards are read as one, and errors can name each tensor's file`() throws {
        try GoldenFile.withDirectory { directory in
            try Self.writeShards(in: directory)
            let weights = try StoredWeights(file: directory.appendingPathComponent("model.safetensors.index.json"))
            #expect(weights.format == .safetensors)
            #expect(weights.names == ["a", "b", "c"])
            let sizes = try ["1", "2"].map {
                try Data(contentsOf: directory.appendingPathComponent("\($0).safetensors")).count
            }
            #expect(weights.byteCount == sizes[0] + sizes[1])
            #expect(try weights.names.map { try weights.tensors[$0]?.float32() } == [[1], [2], [3]])
            #expect(
                weights.names.map { String(weights.file(of: $0).suffix(13)) } == [
                    "1.safetensors", "1.safetensors", "2.safetensors",
                ])
        }
    }

    @Test func `PyTorch shards are read as well`() throws {
        try GoldenFile.withDirectory { directory in
            for name in ["nested.pt", "module.bin"] {
                try FileManager.default.copyItem(
                    at: GoldenPyTorch.url(name), to: directory.appendingPathComponent(name))
            }
            let expected = try GoldenPyTorch.expected()
            var map: [String: String] = [:]
            for name in ["nested.pt", "module.bin"] {
                for tensor in expected[name]?.tensors ?? [] { map[tensor.name] = name }
            }
            let url = directory.appendingPathComponent("pytorch_model.bin.index.json")
            try Self.index(["metadata": ["total_size": 1], "weight_map": map]).write(to: url)
            let weights = try StoredWeights(directory: directory)
            #expect(weights.format == .pytorch)
            #expect(Set(weights.names) == Set(map.keys))
            #expect(weights.names.last == "decoder.layers.1")
        }
    }

    @Test func `everything in which shards and index disagree is named`() throws {
        try GoldenFile.withDirectory { directory in
            try Self.writeShards(in: directory)
            let url = directory.appendingPathComponent("model.safetensors.index.json")
            let map = [
                "a": "2.safetensors", "c": "2.safetensors", "d": "3.safetensors", "e": "4.safetensors",
                "f": "5.safetensors",
            ]
            try Self.index(["weight_map": map]).write(to: url)
            try Data("{".utf8).write(to: directory.appendingPathComponent("5.safetensors"))
            let found = try GoldenPyTorch.problems { try StoredWeights(file: url) }
            let seen = found.map { "\($0.file?.split(separator: "/").last ?? "") \($0.field ?? "") \($0.problem)" }
            #expect(
                seen == [
                    "2.safetensors a missing: model.safetensors.index.json says that it is in this file",
                    "3.safetensors  missing: model.safetensors.index.json says that it holds 1 tensors",
                    "4.safetensors  missing: model.safetensors.index.json says that it holds 1 tensors",
                    "5.safetensors  not a file that is known here",
                ])
            try Self.index(["weight_map": ["a": "2.safetensors", "c": "1.safetensors"]]).write(to: url)
            let swapped = try GoldenPyTorch.problems { try StoredWeights(file: url) }
            #expect(
                swapped.map { "\($0.field ?? "") \($0.problem)" } == [
                    "a surplus: model.safetensors.index.json says that it is in 2.safetensors",
                    "b surplus: model.safetensors.index.json does not list it",
                    "c missing: model.safetensors.index.json says that it is in this file",
                    "c surplus: model.safetensors.index.json says that it is in 1.safetensors",
                    "a missing: model.safetensors.index.json says that it is in this file",
                ])
            #expect(swapped.allSatisfy { $0.remedy != nil })
        }
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\u{0}b", "a\u{1B}"])
    func `an index that leads elsewhere is refused`(name: String) throws {
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.safetensors.index.json")
            try Self.index(["weight_map": ["w": name]]).write(to: url)
            let error = try GoldenFile.inputError { try StoredWeights(file: url) }
            #expect(error?.file == url.path)
            #expect(error?.field == "weight_map")
            #expect(error?.problem.contains("not the name of a file") == true)
        }
    }

    @Test func `a shard that is a link is read only where the index is linked to the same place`() throws {
        try GoldenFile.withDirectory { directory in
            let files = FileManager.default
            let (blobs, model) = (directory.appendingPathComponent("blobs"), directory.appendingPathComponent("model"))
            for made in [blobs, model] { try files.createDirectory(at: made, withIntermediateDirectories: false) }
            try Self.write(["w": 1], to: blobs.appendingPathComponent("weights"))
            try files.createSymbolicLink(
                at: model.appendingPathComponent("1.safetensors"),
                withDestinationURL: blobs.appendingPathComponent("weights"))
            let index = model.appendingPathComponent("model.safetensors.index.json")
            let content = try Self.index(["weight_map": ["w": "1.safetensors"]])
            try content.write(to: index)
            let error = try GoldenFile.inputError { try StoredWeights(file: index) }
            #expect(error?.problem.contains("a link that leads out of the directory") == true)

            try files.removeItem(at: index)
            try content.write(to: blobs.appendingPathComponent("index"))
            try files.createSymbolicLink(at: index, withDestinationURL: blobs.appendingPathComponent("index"))
            let linked = try StoredWeights(directory: model)
            #expect(try linked.tensors["w"]?.float32() == [1])
            #expect(linked.byteCount == (try Data(contentsOf: blobs.appendingPathComponent("weights"))).count)
        }
    }

    @Test func `what holds no weights is refused with what is read`() throws {
        try GoldenFile.withDirectory { directory in
            for (content, problem) in [
                ("hello", "not a file that is known here"), ("", "not a file that is known here"),
                ("version https://git-lfs.github.com/spec/v1\n", "Git LFS"), ("{}", "not an index"),
                (#"{"weight_map": 3}"#, "not an index"), (#"{"weight_map": {"w": 1}}"#, "not an index"),
                (#"{"weight_map": {"w": "x""#, "not an index"),
                (String(repeating: #"{"weight_map":"#, count: 5000), "not an index"),
            ] {
                let url = directory.appendingPathComponent("file")
                try Data(content.utf8).write(to: url)
                let error = try GoldenFile.inputError { try StoredWeights(file: url) }
                #expect(error?.file == url.path)
                #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
                #expect(error?.remedy != nil)
            }
            let url = directory.appendingPathComponent("model.safetensors")
            try Data("cut".utf8).write(to: url)
            #expect(try GoldenFile.inputError { try StoredWeights(file: url) }?.problem.contains("too short") == true)
        }
    }

    private static func index(_ content: [String: Any]) throws -> Data {
        try JSONSerialization.data(withJSONObject: content, options: .prettyPrinted)
    }

    private static func write(_ values: [String: Float], to url: URL) throws {
        try Safetensors(tensors: values.map { ($0.key, .float32(shape: [1], [$0.value])) }).write(to: url)
    }

    private static func writeShards(in directory: URL) throws {
        try write(["a": 1, "b": 2], to: directory.appendingPathComponent("1.safetensors"))
        try write(["c": 3], to: directory.appendingPathComponent("2.safetensors"))
        let map = ["a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"]
        try index(["weight_map": map]).write(to: directory.appendingPathComponent("model.safetensors.index.json"))
    }
}
