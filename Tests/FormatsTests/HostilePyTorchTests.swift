import Files
import Formats
import Foundation
import Testing

@Suite struct HostilePyTorchTests {
    @Test func `a pickle that lies, or holds more than tensors, is refused by name`() throws {
        for hostile in try GoldenPyTorch.hostile().pickles {
            let problems = try GoldenPyTorch.problems {
                try PyTorchArchive(parsing: hostile.bytes, storages: GoldenPyTorch.storages, file: "model.bin")
            }
            let found = problems.map(\.description).joined(separator: "\n")
            #expect(problems.isEmpty == hostile.problem.isEmpty, "\(hostile.name): \(found)")
            #expect(hostile.problem.isEmpty || found.contains(hostile.problem), "\(hostile.name): \(found)")
            #expect(problems.allSatisfy { $0.file == "model.bin" && $0.remedy != nil }, "\(hostile.name): \(found)")
        }
    }

    @Test func `an archive that lies is refused by name`() throws {
        for hostile in try GoldenPyTorch.hostile().archives {
            let problems = try GoldenPyTorch.problems {
                try PyTorchArchive(parsing: hostile.bytes, file: "model.bin")
            }
            let found = problems.map(\.description).joined(separator: "\n")
            #expect(problems.isEmpty == hostile.problem.isEmpty, "\(hostile.name): \(found)")
            #expect(hostile.problem.isEmpty || found.contains(hostile.problem), "\(hostile.name): \(found)")
            #expect(problems.allSatisfy { $0.file == "model.bin" }, "\(hostile.name): \(found)")
        }
    }

    @Test func `every tensor that is wrong is named`() throws {
        let pickles = try GoldenPyTorch.hostile().pickles
        let repeated = try #require(pickles.first { $0.name == "many repetitions" })
        let problems = try GoldenPyTorch.problems {
            try PyTorchArchive(parsing: repeated.bytes, storages: GoldenPyTorch.storages, file: "model.bin")
        }
        #expect(problems.map(\.field) == ["w1", "w2", "w3"])
    }

    @Test func `every shortened file is refused`() throws {
        for name in ["types.pt", "packed.bin", "script.pt"] {
            let bytes = try Data(contentsOf: GoldenPyTorch.url(name))
            for length in 0..<min(bytes.count, 4096) {
                let problems = try GoldenPyTorch.problems {
                    try PyTorchArchive(parsing: Data(bytes.prefix(length)), file: "short.pt")
                }
                #expect(problems.first?.file == "short.pt", "\(name), \(length) bytes")
            }
        }
    }

    @Test func `a damaged archive never crashes`() throws {
        let refused = try ["packed.bin", "views.bin"].map { name in
            let bytes = try Data(contentsOf: GoldenPyTorch.url(name))
            return try GoldenFile.damaged(bytes, copies: 5000).count { damaged in
                let problems = try GoldenPyTorch.problems {
                    try Self.readAll(PyTorchArchive(parsing: damaged, file: "damaged.bin"))
                }
                #expect(problems.allSatisfy { $0.file == "damaged.bin" })
                return !problems.isEmpty
            }
        }
        #expect(refused.allSatisfy { (1500..<5000).contains($0) }, "\(refused)")
    }

    @Test func `a damaged pickle never crashes`() throws {
        let archives = try GoldenPyTorch.hostile().archives
        let fine = try #require(archives.first { $0.name == "fine" }).bytes
        let start = try #require(fine.firstRange(of: Data([0x80, 0x02]))).lowerBound
        let end = try #require(fine[start...].firstRange(of: Data("u.".utf8))).upperBound
        let pickle = Data(fine[start..<end])
        func problems(_ pickle: Data) throws -> [InputError] {
            try GoldenPyTorch.problems {
                try Self.readAll(PyTorchArchive(parsing: pickle, storages: GoldenPyTorch.storages, file: "x"))
            }
        }
        #expect(try problems(pickle).isEmpty)
        for length in 0..<pickle.count {
            #expect(try problems(pickle.prefix(length)).first?.field == "data.pkl", "\(length) bytes")
        }
        let refused = try GoldenFile.damaged(pickle, copies: 10_000).count { damaged in
            let problems = try problems(damaged)
            #expect(problems.allSatisfy { $0.file == "x" && $0.remedy != nil })
            return !problems.isEmpty
        }
        #expect((8000..<10_000).contains(refused), "\(refused)")
    }

    /// Touches every byte.
    private static func readAll(_ archive: PyTorchArchive) throws {
        for (_, tensor) in archive.tensors {
            #expect(tensor.bytes.reduce(0) { $0 &+ Int($1) } >= 0)
            #expect(tensor.type.size * tensor.shape.reduce(1, *) == tensor.bytes.count)
        }
    }
}
