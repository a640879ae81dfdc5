import Distillation
import Formats
import Foundation
import Models
import Tensors

/// A directory of Tests/Golden/encoders, written by encoders.py.
struct GoldenEncoders {
    let name: String
    let directory: URL
    private let expected: Safetensors

    /// All of them, in the order of their names.
    static let names: [String] = {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return entries.filter { !$0.hasPrefix(".") }.sorted()
    }()

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/encoders")

    init(_ name: String) throws {
        self.name = name
        directory = Self.folder.appendingPathComponent(name, isDirectory: true)
        expected = try Safetensors(reading: directory.appendingPathComponent("expected.safetensors"))
    }

    func tensor(_ name: String) throws -> Tensor? {
        try expected[name].map { Tensor(try $0.float32(), shape: $0.shape) }
    }

    /// The published names of the weights that have a gradient.
    var gradients: [String] {
        expected.tensors.map(\.name).filter { $0.hasPrefix("gradient.") }.map { String($0.dropFirst(9)) }
    }

    func batch() throws -> PackedBatch {
        func lists(_ key: String) throws -> [[Int32]] {
            try JSONDecoder().decode([[Int32]].self, from: Data((expected.metadata[key] ?? "").utf8))
        }
        let sequences = try lists("sequences")
        return PackedBatch(sequences, types: try lists("types"), samples: Array(sequences.indices))
    }
}
