import Files
import Formats
public import Foundation
import Layers
public import Models
import Tensors
public import Tokenizers

/// A model as a folder: `config.json`, `model.safetensors` and the tokenizer's files, in the published layout.
public enum ModelDirectory {
    public static let weightsFile = "model.safetensors"
    public static let configurationFile = "config.json"

    /// Writes a float encoder with its tokenizer; existing files are replaced one by one.
    public static func write(_ encoder: Encoder, _ tokenizer: any Tokenizer, to directory: URL) throws {
        var file = Safetensors()
        for parameter in encoder.parameters {
            file.tensors.append((parameter.name, .float32(shape: parameter.value.shape, parameter.value.values)))
        }
        file.metadata = ["format": "pt"]
        try file.write(to: directory.appendingPathComponent(weightsFile))
        try AtomicFile.write(
            encoder.configuration.json(), to: directory.appendingPathComponent(configurationFile))
        try tokenizer.write(to: directory)
    }

    /// Reads a float encoder.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus or misshapen.
    public static func readEncoder(_ directory: URL) throws -> Encoder {
        let configuration = try EncoderConfiguration(
            reading: directory.appendingPathComponent(configurationFile))
        let url = directory.appendingPathComponent(weightsFile)
        let file = try Safetensors(reading: url)
        // Before memory is taken for what config.json claims. Twice is far more than missing tensors can explain.
        let held = file.tensors.reduce(0) { $0 + $1.tensor.count }
        guard configuration.parameterCount / 2 <= held + 1 << 20 else {
            throw InputErrors([
                InputError(
                    file: url.path,
                    problem: "holds \(held) weights, \(configurationFile) describes \(configuration.parameterCount)",
                    remedy: "give the \(configurationFile) that belongs to these weights")
            ])
        }
        let encoder = Encoder(unfilled: configuration)
        var stored: [String: StoredTensor] = [:]
        for (name, tensor) in file.tensors { stored[publishedName(name)] = tensor }
        var errors: [InputError] = []
        for parameter in encoder.parameters {
            let shape = parameter.value.shape
            guard let tensor = stored.removeValue(forKey: parameter.name) else {
                errors.append(
                    InputError(file: url.path, field: parameter.name, problem: "missing, expected shape \(shape)"))
                continue
            }
            guard tensor.shape == shape else {
                errors.append(
                    InputError(
                        file: url.path, field: parameter.name, problem: "found shape \(tensor.shape), expected \(shape)"
                    ))
                continue
            }
            do {
                parameter.value = Tensor(try tensor.float32(), shape: shape)
            } catch let error as InputError {
                errors.append(InputError(file: url.path, field: parameter.name, problem: error.problem))
                continue
            }
            if !parameter.value.isFinite {
                errors.append(
                    InputError(file: url.path, field: parameter.name, problem: "holds NaN or infinite values"))
            }
        }
        for name in stored.keys.sorted() where !ignored.contains(name) {
            errors.append(
                InputError(file: url.path, field: name, problem: "surplus: the configuration has no such tensor"))
        }
        if !errors.isEmpty { throw InputErrors(errors) }
        return encoder
    }

    /// Refuses a tokenizer whose ids the model has no rows for, and a model that no text fits into.
    public static func check(
        _ tokenizer: any Tokenizer, fits configuration: EncoderConfiguration, in directory: URL
    ) throws {
        let (pieces, rows) = (tokenizer.vocabularySize, configuration.vocabularySize)
        if pieces > rows {
            throw InputError(
                file: directory.path, problem: "the tokenizer has \(pieces) pieces, the model's table \(rows) rows",
                remedy: "give the tokenizer that the model was trained with")
        }
        if configuration.maximumPositions < 3 {
            throw InputError(
                file: directory.path, field: "max_position_embeddings",
                problem: "\(configuration.maximumPositions) positions hold no text between [CLS] and [SEP]")
        }
    }

    /// Tensors of published checkpoints that carry no knowledge.
    private static let ignored: Set<String> = ["bert.embeddings.position_ids"]

    /// The name with the `bert.` prefix that some published checkpoints leave out.
    private static func publishedName(_ name: String) -> String {
        name.hasPrefix("embeddings.") || name.hasPrefix("encoder.") || name.hasPrefix("pooler.") ? "bert." + name : name
    }
}
