import Compression
import Distillation
import Files
public import Foundation
public import Models
public import Tokenizers

/// A model directory, ready to run: float or INT8, with its tokenizer.
public struct LoadedModel {
    public let classifier: any Classifier
    public let tokenizer: any Tokenizer
    public let url: URL

    /// Reads a model directory, or a run's finished model.
    ///
    /// - Throws: `InputError` saying what is missing or wrong.
    public init(_ directory: URL) throws {
        let url = Self.modelFolder(of: directory)
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
        guard isDirectory.boolValue else {
            throw InputError(
                file: directory.path,
                problem: exists ? "neither a model directory nor a GGUF file" : "there is no such file or directory",
                remedy: "give a model directory, or a run that has made a model")
        }
        self.url = url
        tokenizer = try TokenizerFiles.load(from: url)
        classifier =
            try QuantizedEncoder.isQuantized(url)
            ? IntegerRuntime(QuantizedEncoder(reading: url)) : ModelDirectory.readEncoder(url)
        try ModelDirectory.check(tokenizer, fits: classifier.configuration, in: url)
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
