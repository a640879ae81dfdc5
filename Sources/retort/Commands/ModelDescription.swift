import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Recipes
import Tokenizers

/// What a model directory, or a run, holds: as much as can be told, and what is wrong with the rest.
struct ModelDescription {
    private(set) var properties: [FileInspection.Property] = []
    private(set) var problems: [String] = []

    /// Nil for a directory without a `config.json`, which holds no model of ours.
    init?(of directory: URL) {
        let url = LoadedModel.modelFolder(of: directory)
        let file = url.appendingPathComponent(ModelDirectory.configurationFile)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        guard !DecoderDirectory.isDecoder(url) else {
            describeDecoder(url)
            return
        }
        var configuration: EncoderConfiguration?
        attempt { description in
            let read = try EncoderConfiguration(reading: file)
            configuration = read
            description.describe(read)
        }
        var tokenizer: (any Tokenizer)?
        attempt { description in
            let read = try TokenizerFiles.load(from: url)
            tokenizer = read
            description.add("tokenizer", "\(read.vocabularySize) tokens")
        }
        guard let configuration else { return }
        attempt { description in
            if let graph = try LoadedModel.graph(at: url) {
                description.add("weights", "in \(graph.lastPathComponent)")
                description.add("parameters", "\(try LoadedModel(url).classifier.parameterCount)")
                return
            }
            let quantized = try QuantizedEncoder.isQuantized(url)
            try description.add("weights", quantized ? "INT8" : Self.types(of: url))
            if quantized {
                _ = try QuantizedEncoder(reading: url)
            } else {
                // A checkpoint that was only pre-trained is whole without a head.
                _ = try ModelDirectory.readEncoder(
                    url, allowingMissingHead: configuration.head == .none ? ["0", "1"] : nil)
            }
            description.add("parameters", "\(configuration.parameterCount)")
        }
        if let tokenizer { attempt { _ in try ModelDirectory.check(tokenizer, fits: configuration, in: url) } }
    }

    private mutating func describeDecoder(_ url: URL) {
        attempt { description in
            let configuration = try DecoderConfiguration(
                reading: url.appendingPathComponent(ModelDirectory.configurationFile))
            description.describe(configuration)
            try description.add("weights", Self.types(of: url))
            description.add("parameters", "\(try DecoderDirectory.readRunner(url).configuration.parameterCount)")
        }
        attempt { description in
            description.add("tokenizer", "\(try DecoderDirectory.readTokenizer(url).vocabularySize) tokens")
        }
    }

    private mutating func describe(_ configuration: DecoderConfiguration) {
        add("architecture", "\(configuration.family.rawValue) decoder")
        add("layers", "\(configuration.layers), \(configuration.hiddenSize) wide")
        add("heads per layer", "\(Self.list(configuration.heads)), \(configuration.headSize) wide")
        add("key heads per layer", Self.list(configuration.keyHeads))
        add("feed-forward per layer", Self.list(configuration.feedForward))
        add("longest text", "\(configuration.maximumPositions) tokens")
    }

    /// The number formats of the stored weights.
    private static func types(of url: URL) throws -> String {
        Set(try StoredWeights(directory: url).tensors.values.map(\.type.rawValue)).sorted().joined(separator: ", ")
    }

    private static func list(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ", ") }

    private mutating func describe(_ configuration: EncoderConfiguration) {
        add("architecture", "\(configuration.architecture) (\(configuration.family.rawValue))")
        add("layers", "\(configuration.layers), \(configuration.hiddenSize) wide")
        add("heads per layer", "\(Self.list(configuration.heads)), \(configuration.headSize) wide")
        add("feed-forward per layer", "\(Self.list(configuration.feedForward)), \(configuration.activation)")
        add("longest text", "\(configuration.longestText) tokens")
        add("head", configuration.head.rawValue + (configuration.head == .none ? ", for teacher.fine_tune" : ""))
        switch configuration.head {
        case .classification: add("classes", configuration.labels.joined(separator: ", "))
        case .regression: add("numbers", configuration.labels.joined(separator: ", "))
        case .embedding:
            add("pooling", configuration.pooling.rawValue + (configuration.normalizesEmbedding ? ", normalized" : ""))
        case .maskedLanguageModel, .none: break
        }
    }

    private mutating func add(_ name: String, _ value: String) {
        properties.append(.init(name: name, value: value))
    }

    private mutating func attempt(_ body: (inout Self) throws -> Void) {
        do {
            try body(&self)
        } catch let several as InputErrors {
            problems += several.errors.map(\.description)
        } catch {
            problems.append("\(error)")
        }
    }
}
