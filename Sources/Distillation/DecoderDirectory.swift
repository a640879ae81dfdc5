import Files
import Formats
public import Foundation
import Layers
public import Models
import Tensors
public import Tokenizers

/// Decoders as published: a directory with `config.json` and weights of any format, or a GGUF file.
public enum DecoderDirectory {
    /// Whether there is a decoder: a GGUF file, or a directory whose `config.json` has the type of one.
    ///
    /// What cannot be read is none; whoever then reads it as another model says why.
    public static func isDecoder(_ url: URL) -> Bool {
        if FileKind(at: url) == .gguf { return true }
        let configuration = url.appendingPathComponent(ModelDirectory.configurationFile)
        guard var file = try? ConfigurationReader(reading: configuration) else { return false }
        return file.text("model_type").flatMap(DecoderConfiguration.Family.init) != nil
    }

    /// The only GGUF file of a directory without `config.json`, as a download leaves it; any other place itself.
    public static func place(of url: URL) -> URL {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        let files = entries.filter { $0.hasSuffix(".gguf") }
        guard files.count == 1, !entries.contains(ModelDirectory.configurationFile) else { return url }
        return url.appendingPathComponent(files[0])
    }

    /// The shape of a decoder.
    ///
    /// - Throws: `InputError` or `InputErrors` if there is none, or its configuration is damaged.
    public static func readConfiguration(_ url: URL) throws -> DecoderConfiguration {
        switch try StoredDecoder(url) {
        case .gguf(let file): try DecoderConfiguration(file)
        case .directory(let url):
            try DecoderConfiguration(reading: url.appendingPathComponent(ModelDirectory.configurationFile))
        }
    }

    /// Reads a decoder for training, in float32.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus or misshapen.
    public static func read(_ url: URL) throws -> Decoder {
        try decoder(StoredDecoder(url))
    }

    /// Reads a decoder for training, as `read` does, with its tokenizer; the header of a GGUF file is read once.
    public static func readTeacher(_ url: URL) throws -> (decoder: Decoder, tokenizer: any Tokenizer) {
        let stored = try StoredDecoder(url)
        return (try decoder(stored), try tokenizer(stored))
    }

    private static func decoder(_ stored: StoredDecoder) throws -> Decoder {
        var source = try DecoderSource(stored)
        let decoder = Decoder(unfilled: source.configuration)
        for parameter in decoder.parameters { source.fill(parameter) }
        try source.finish()
        return decoder
    }

    /// Reads a decoder for running: matrices in the formats of `StoredProjection` stay as they are, in the mapped file.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus or misshapen.
    public static func readRunner(_ url: URL) throws -> DecoderRunner {
        try runner(StoredDecoder(url))
    }

    /// Reads a decoder for running, as `readRunner` does, with its tokenizer; the header of a GGUF file is read once.
    public static func readWithTokenizer(_ url: URL) throws -> (runner: DecoderRunner, tokenizer: any Tokenizer) {
        let stored = try StoredDecoder(url)
        return (try runner(stored), try tokenizer(stored))
    }

    private static func runner(_ stored: StoredDecoder) throws -> DecoderRunner {
        var source = try DecoderSource(stored)
        let runner = source.runner()
        try source.finish()
        return runner
    }

    /// Writes a decoder under its published names; the same decoder gives the same bytes.
    ///
    /// - Throws: `InputError` if a weight has no such form, or the directory cannot be written.
    public static func write(_ decoder: Decoder, as storage: DecoderStorage = .float32, to directory: URL) throws {
        let configuration = decoder.configuration
        if case .int4 = storage, configuration.family == .gpt2 {
            throw InputError(
                problem: "GPT-2's layout holds its matrices by columns, int4 groups lie in rows",
                remedy: "export it as gguf-q4_0")
        }
        var file = Safetensors()
        file.metadata = ["format": "pt"]
        let weights =
            configuration.family == .gpt2 ? fused(decoder) : decoder.parameters.map { ($0.name, $0.value) }
        file.tensors = try weights.flatMap { try storage.tensors($0, $1) }
        try file.write(to: directory.appendingPathComponent(ModelDirectory.weightsFile))
        var packed: DecoderConfiguration.PackedWeights?
        if case .int4(let group) = storage {
            let kept = weights.filter {
                $1.shape.count == 2 && $0.contains(".layers.") && !storage.isInt4($0, $1.shape)
            }
            packed = .init(group: group, ignored: kept.map { String($0.0.dropLast(".weight".count)) } + ["lm_head"])
        }
        try AtomicFile.write(
            configuration.json(dtype: storage.dtype, packed: packed),
            to: directory.appendingPathComponent(ModelDirectory.configurationFile))
    }

    /// GPT-2's layout: query, key and value side by side, and the matrices of blocks as [I, O].
    private static func fused(_ decoder: Decoder) -> [(String, Tensor)] {
        var tensors: [(String, Tensor)] = []
        func add(_ name: String, _ parts: [Parameter]) {
            let shape = [parts.reduce(0) { $0 + $1.value.shape[0] }] + parts[0].value.shape.dropFirst()
            let values = parts.flatMap(\.value.values)
            guard shape.count == 2, name.contains(".h.") else {
                return tensors.append((name, Tensor(values, shape: shape)))
            }
            let transposed = (0..<shape[1]).flatMap { column in
                (0..<shape[0]).map { values[$0 * shape[1] + column] }
            }
            tensors.append((name, Tensor(transposed, shape: [shape[1], shape[0]])))
        }
        let projections = Set(
            decoder.layers.flatMap { ($0.query.parameters + $0.key.parameters + $0.value.parameters).map(\.name) })
        for parameter in decoder.parameters where !projections.contains(parameter.name) {
            add(parameter.name, [parameter])
        }
        for layer in decoder.layers {
            for ((query, key), value) in zip(zip(layer.query.parameters, layer.key.parameters), layer.value.parameters)
            {
                add(query.name.replacing("attn.query", with: "attn.c_attn"), [query, key, value])
            }
        }
        return tensors
    }
}
