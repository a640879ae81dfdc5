import Files
import Formats
import Foundation
import Testing

@Suite struct WeightInspectionTests {
    @Test func `a PyTorch file shows which part is the model, and what stands beside it`() throws {
        let found = try FileInspection(of: GoldenPyTorch.url("training.pt"))
        #expect(found.format == .pytorch)
        #expect(found.problems == [])
        let facts = Dictionary(uniqueKeysWithValues: found.metadata.map { ($0.name, $0.value) })
        #expect(facts["state dictionary"] == "state_dict")
        #expect(facts["epoch"] == "3")
        #expect(facts["optimizer"] == "not part of the model, left out")
        #expect(found.tensors.map(\.name).contains("1.num_batches_tracked"))
        #expect(found.tensors.first?.shape == [2, 3])
    }

    @Test func `a damaged PyTorch file shows what is known, and what is wrong`() throws {
        let archives = try GoldenPyTorch.hostile().archives
        let fine = try #require(archives.first { $0.name == "fine" }).bytes
        try GoldenFile.withDirectory { directory in
            let url = directory.appendingPathComponent("model.bin")
            let numbers = try #require(GoldenPyTorch.storages["0"])
            let place = try #require(fine.firstRange(of: numbers))
            var damaged = fine
            damaged[place.lowerBound] ^= 1
            try damaged.write(to: url)
            // Opening does not read the weights, so that only inspection finds this.
            #expect(try PyTorchArchive(reading: url).tensors.map(\.name) == ["w0"])
            let weights = try FileInspection(of: url)
            #expect(weights.tensors.map(\.name) == ["w0"])
            #expect(weights.problems.count == 1)
            #expect(weights.problems.first?.contains("a/data/0: damaged: ZIP bad CRC") == true, "\(weights.problems)")

            let pickle = try #require(archives.first { $0.name == "checksum of the pickle" })
            try pickle.bytes.write(to: url)
            let refused = try FileInspection(of: url)
            #expect(refused.tensors.isEmpty)
            #expect(refused.metadata.map(\.name) == ["a/data.pkl", "a/byteorder", "a/data/0", "a/version"])
            #expect(refused.problems.count == 1)
            #expect(refused.problems.first?.contains("a/data.pkl: damaged: ZIP bad CRC") == true)

            let noPickle = try #require(archives.first { $0.name == "no pickle" })
            try noPickle.bytes.write(to: url)
            #expect(try GoldenFile.inputError { try FileInspection(of: url) }?.file == url.path)
        }
        let legacy = try GoldenFile.inputError { try FileInspection(of: GoldenPyTorch.url("legacy.pt")) }
        #expect(legacy?.problem.contains("before 1.6") == true)
    }

    @Test func `an index of shards shows all tensors, and the shards that are missing`() throws {
        try GoldenFile.withDirectory { directory in
            let shard = directory.appendingPathComponent("1.safetensors")
            try Safetensors(tensors: [("a", .float32(shape: [1], [1])), ("b", .int8(shape: [2], [1, 2]))]).write(
                to: shard)
            let url = directory.appendingPathComponent("model.safetensors.index.json")
            let index = #"{"weight_map": {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}"#
            try Data(index.utf8).write(to: url)
            let found = try FileInspection(of: url)
            #expect(found.format == .shards)
            #expect(
                found.metadata.map { "\($0.name): \($0.value)" } == [
                    "format of the shards: safetensors", "1.safetensors: 2 tensors", "2.safetensors: 0 tensors",
                ])
            #expect(found.tensors.map(\.name) == ["a", "b"])
            #expect(found.problems.count == 1)
            #expect(found.problems.first?.contains("2.safetensors: missing: ") == true)
        }
    }
}
