import Compression
import Distillation
import Files
import Formats
public import Foundation
public import Models
public import Tokenizers

/// A model, ready to run: float, INT8 or an exported graph, with the tokenizer of its directory.
public struct LoadedModel {
    public let classifier: any Classifier
    public let tokenizer: any Tokenizer
    /// The directory that it was read from.
    public let url: URL
    /// The ONNX file that is run; nil for weights.
    public let graph: URL?

    /// Reads a model directory, a run's finished model, or an ONNX file in the directory that it was exported to.
    ///
    /// - Parameter isOnlyRun: whether nobody will ask for a float encoder's weights, which then take half of the memory.
    /// - Throws: `InputError` saying what is missing or wrong.
    public init(_ place: URL, isOnlyRun: Bool = false) throws {
        graph = try Self.graph(at: place)
        let url = graph?.deletingLastPathComponent() ?? Self.modelFolder(of: place)
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
        guard isDirectory.boolValue else {
            throw InputError(
                file: place.path,
                problem: exists
                    ? "neither a model directory nor a GGUF or ONNX file" : "there is no such file or directory",
                remedy: "give a model directory, or a run that has made a model")
        }
        self.url = url
        tokenizer = try TokenizerFiles.load(from: url)
        if let graph {
            let configuration = url.appendingPathComponent(ModelDirectory.configurationFile)
            classifier = try ONNXClassifier(reading: graph, EncoderConfiguration(reading: configuration))
        } else if try QuantizedEncoder.isQuantized(url) {
            classifier = try IntegerRuntime(QuantizedEncoder(reading: url))
        } else {
            classifier = try isOnlyRun ? ModelDirectory.readRunnable(url) : ModelDirectory.readEncoder(url)
        }
        try ModelDirectory.check(tokenizer, fits: classifier.configuration, in: url)
    }

    /// What names the model: its directory, or the graph in it.
    public var place: URL { graph ?? url }

    /// The size of its weights on the disk.
    func bytes() throws -> Int {
        guard let graph else { return try StoredWeights(directory: url).byteCount }
        return [graph.path, graph.path + ONNXModel.externalSuffix].reduce(0) { $0 + (FileSize.bytes(at: $1) ?? 0) }
    }

    /// The ONNX file that a place stands for: itself, or the only one of a directory without weights.
    ///
    /// - Throws: `InputError` for several.
    public static func graph(at place: URL) throws -> URL? {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: place.path, isDirectory: &isDirectory) else { return nil }
        guard isDirectory.boolValue else { return place.pathExtension == "onnx" ? place : nil }
        guard !StoredWeights.exist(in: place) else { return nil }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []).sorted()
            .filter { $0.hasSuffix(".onnx") }
        guard names.count < 2 else {
            throw InputError(
                file: place.path, problem: "several ONNX files and no other weights: \(names.joined(separator: ", "))",
                remedy: "give the one that you mean")
        }
        return names.first.map { place.appendingPathComponent($0) }
    }

    /// Refuses a model whose answers are not classes.
    ///
    /// - Throws: `InputError` naming the directory and what the model is for.
    public func requireClassifier() throws {
        let head = classifier.configuration.head
        guard head != .classification else { return }
        throw InputError(
            file: url.path,
            problem: "not a classifier: its head is \(head == .none ? "missing" : "for \(head.rawValue)")",
            remedy: "give a model with a classification head")
    }

    /// A run stands for the furthest model that it has made; any other directory for itself.
    ///
    /// - Parameter inFloat: whether models in integers are passed over.
    public static func modelFolder(of directory: URL, inFloat: Bool = false) -> URL {
        let isRun = FileManager.default.fileExists(atPath: directory.appendingPathComponent("resolved.yaml").path)
        let made = [
            ModelFolder.int8, ModelFolder.pruned, ModelFolder.adapted, ModelFolder.student, ModelFolder.teacher,
        ]
        .filter { !inFloat || $0 != ModelFolder.int8 }
        .map { directory.appendingPathComponent($0, isDirectory: true) }
        .first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent(ModelDirectory.weightsFile).path)
        }
        return isRun ? made ?? directory : directory
    }
}
