import Files
import Foundation

extension FileInspection {
    /// Compares all checksums, so that what is wrong with the weights is found as well.
    init(pyTorch bytes: Data, file: String) throws {
        format = .pytorch
        metadata = []
        tensors = []
        do {
            let archive = try PyTorchArchive(inspecting: bytes, file: file)
            metadata.append(Property(name: "state dictionary", value: archive.key ?? "the whole file"))
            metadata += archive.metadata.map { Property(name: $0.name, value: $0.value) }
            metadata += archive.leftOut.map { Property(name: $0, value: "not part of the model, left out") }
            tensors = archive.tensors.map { Tensor($0.name, $0.tensor) }
            problems = archive.faults.map(\.description)
        } catch let error as InputError {
            // What the archive holds can be told even if its pickle is refused.
            let entries = (try? ZipArchive(bytes, file: file).entries) ?? []
            guard entries.contains(where: { $0.name.hasSuffix("/data.pkl") }) else { throw error }
            metadata = entries.map { Property(name: $0.name, value: "\($0.size) bytes") }
            problems = [error.description]
        }
        for fault in try ZipArchive(bytes, file: file).damage().map(\.description) where !problems.contains(fault) {
            problems.append(fault)
        }
    }

    init(_ split: ShardedWeights) {
        format = .shards
        let counts = Dictionary(split.files.values.map { ($0, 1) }, uniquingKeysWith: +)
        metadata = [Property(name: "format of the shards", value: split.format.rawValue)]
        metadata += split.shards.map { shard in
            let count = counts.first { $0.key.hasSuffix("/\(shard)") }?.value ?? 0
            return Property(name: shard, value: "\(count) tensors")
        }
        tensors = split.tensors.map { Tensor($0.name, $0.tensor) }
        problems = split.faults.map(\.description)
    }
}
