import Files
import Foundation

/// Weights that are split over several files, and the index beside them that names the file of each tensor:
/// `model.safetensors.index.json` or `pytorch_model.bin.index.json`
/// (https://huggingface.co/docs/transformers/big_models).
struct ShardedWeights {
    /// Of the shards.
    private(set) var format = StoredWeights.Format.safetensors
    /// In the order of the shards' names.
    private(set) var tensors: [(name: String, tensor: StoredTensor)] = []
    /// The path of each tensor's shard.
    private(set) var files: [String: String] = [:]
    /// The shards' names in order.
    let shards: [String]
    /// Everything in which the index and the shards disagree, missing and damaged shards included. Such tensors are not in
    /// `tensors`.
    private(set) var faults: [InputError] = []

    private let index: URL
    private let map: [String: String]

    private struct Index: Decodable {
        var weightMap: [String: String]

        enum CodingKeys: String, CodingKey {
            case weightMap = "weight_map"
        }
    }

    /// An index of 100,000 tensors takes about 10 MB; decoding takes a multiple of its size.
    private static let longestIndex = 16 << 20

    /// Opens every shard that is there.
    ///
    /// - Throws: `InputError` if the index is not one, or names a file that is not beside it.
    init(index url: URL) throws {
        index = url
        let bytes = try MappedFile.data(at: url)
        guard bytes.count <= Self.longestIndex else {
            throw InputError(
                file: url.path,
                problem: "an index of \(bytes.count >> 20) MiB, at most \(Self.longestIndex >> 20) are read"
            )
        }
        do {
            map = try JSONDecoder().decode(Index.self, from: bytes).weightMap
        } catch {
            throw InputError(
                file: url.path, field: "weight_map",
                problem: "not an index of shards: expected a JSON object with the file of each tensor",
                remedy: "download the index again; inspect a config.json with its directory")
        }
        shards = Set(map.values).sorted()
        for shard in shards { try checkIsBeside(shard) }
        var listed: [String: Set<String>] = [:]
        for (name, shard) in map { listed[shard, default: []].insert(name) }
        for shard in shards { open(shard, listing: listed[shard] ?? []) }
    }

    private mutating func open(_ shard: String, listing listed: Set<String>) {
        let url = index.deletingLastPathComponent().appendingPathComponent(shard)
        guard FileManager.default.fileExists(atPath: url.path) else {
            let name = index.lastPathComponent
            faults.append(
                InputError(
                    file: url.path, problem: "missing: \(name) says that it holds \(listed.count) tensors",
                    remedy: "download it into the directory of \(name)"))
            return
        }
        do {
            let stored = try read(url)
            var missing = listed
            for (name, tensor) in stored {
                missing.remove(name)
                guard map[name] == shard else {
                    let place = map[name].map { "says that it is in \($0)" } ?? "does not list it"
                    faults.append(fault(url, name, "surplus: \(index.lastPathComponent) \(place)"))
                    continue
                }
                tensors.append((name, tensor))
                files[name] = url.path
            }
            for name in missing.sorted() {
                faults.append(fault(url, name, "missing: \(index.lastPathComponent) says that it is in this file"))
            }
        } catch let error as InputError {
            faults.append(error)
        } catch let errors as InputErrors {
            faults += errors.errors
        } catch {
            faults.append(InputError(file: url.path, problem: "cannot read: \(error)"))
        }
    }

    private mutating func read(_ url: URL) throws -> [(name: String, tensor: StoredTensor)] {
        let bytes = try MappedFile.data(at: url)
        switch FileKind(bytes) {
        case .safetensors?:
            return try Safetensors(reading: url).tensors
        case .pyTorch?:
            format = .pytorch
            return try PyTorchArchive(reading: url).tensors
        default:
            throw FileKind.unknown(bytes, file: url.path, read: "shards in safetensors and PyTorch files")
        }
    }

    private func fault(_ shard: URL, _ tensor: String, _ problem: String) -> InputError {
        InputError(
            file: shard.path, field: tensor, problem: problem, remedy: "download the shards and their index together")
    }

    /// A shard lies in the index's directory. Where shards are links, as in caches of downloads, the index is one as well
    /// and leads into the same directory as they do.
    private func checkIsBeside(_ shard: String) throws {
        func problem(_ problem: String) -> InputError {
            InputError(
                file: index.path, field: "weight_map", problem: problem,
                remedy: "the index may only name files beside it; do not use it")
        }
        let isPlain = shard.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "/" && $0 != "\\" && $0 != "\u{7F}" }
        guard isPlain, !["", ".", ".."].contains(shard) else {
            throw problem("\(shard.debugDescription) is not the name of a file in the same directory")
        }
        let directory = index.deletingLastPathComponent()
        guard let target = Self.target(directory.appendingPathComponent(shard)) else { return }
        let allowed = [Self.target(directory), Self.target(index)?.deletingLastPathComponent()]
        guard allowed.contains(target.deletingLastPathComponent()) else {
            throw problem("\(shard.debugDescription) is a link that leads out of the directory")
        }
    }

    /// Where all links of the path lead; nil if there is nothing.
    private static func target(_ url: URL) -> URL? {
        guard let path = realpath(url.path, nil) else { return nil }
        defer { free(path) }
        return URL(fileURLWithPath: String(cString: path), isDirectory: false)
    }
}
