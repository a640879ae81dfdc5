import Files
import Formats
import Foundation
import Testing

@Suite struct PyTorchTests {
    @Test func `every tensor equals PyTorch's, byte for byte and in its order`() throws {
        let files = try GoldenPyTorch.expected()
        #expect(files.count == 9)
        for (name, expected) in files {
            let archive = try PyTorchArchive(reading: GoldenPyTorch.url(name))
            #expect(archive.tensors.map(\.name) == expected.tensors.map(\.name), "\(name)")
            for (found, expected) in zip(archive.tensors, expected.tensors) {
                let place = "\(name): \(found.name)"
                #expect(found.tensor.type == expected.type, "\(place)")
                #expect(found.tensor.shape == expected.shape, "\(place)")
                #expect(found.tensor.bytes.map { String(format: "%02x", $0) }.joined() == expected.bytes, "\(place)")
            }
            #expect(archive.key == expected.key, "\(name)")
            let metadata = Dictionary(uniqueKeysWithValues: archive.metadata.map { ($0.name, $0.value) })
            #expect(metadata == expected.metadata, "\(name)")
            #expect(archive.leftOut == expected.leftOut, "\(name)")
        }
    }

    @Test func `the numbers are those that were saved`() throws {
        let types = try PyTorchArchive(reading: GoldenPyTorch.url("types.pt"))
        let bfloat16 = try #require(types.tensors.first { $0.name == "bfloat16" })
        #expect(try bfloat16.tensor.float32() == [-3, 0, 1, 100])
        let views = try PyTorchArchive(reading: GoldenPyTorch.url("views.bin"))
        let column = try #require(views.tensors.first { $0.name == "column" })
        #expect(try column.tensor.float32() == [11, 23])
    }

    @Test func `a contiguous tensor is a slice of the mapped file, not a copy`() throws {
        let archive = try PyTorchArchive(reading: GoldenPyTorch.url("views.bin"))
        func address(_ name: String) -> UInt? {
            archive.tensors.first { $0.name == name }?.tensor.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        }
        let base = try #require(address("base"))
        #expect(address("tied") == base)
        #expect(address("part") == base + 48)
        #expect(address("scalar") == base + 92)
        #expect(address("column") != base + 44)
    }

    @Test func `what torch.save does not write, and what older versions wrote, is refused with what to do`() throws {
        for (name, problem) in [
            ("legacy.pt", "format before 1.6"), ("script.pt", "TorchScript"),
            ("expected.json", "not a PyTorch archive"),
        ] {
            let url = GoldenPyTorch.url(name)
            let error = try GoldenFile.inputError { try PyTorchArchive(reading: url) }
            #expect(error?.file == url.path)
            #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
            #expect(error?.remedy?.contains("torch.save(") == true)
        }
    }
}
