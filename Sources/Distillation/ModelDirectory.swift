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
        let names = EncoderNames(encoder.configuration)
        for parameter in encoder.parameters {
            let tensor = StoredTensor.float32(shape: parameter.value.shape, parameter.value.values)
            file.tensors.append((names.published(parameter.name), tensor))
        }
        file.metadata = ["format": "pt"]
        try AtomicFile.write(
            encoder.configuration.json(), to: directory.appendingPathComponent(configurationFile))
        try encoder.configuration.writeSentenceModules(to: directory)
        try tokenizer.write(to: directory)
        // The weights come last: a directory that has them counts as a model.
        try file.write(to: directory.appendingPathComponent(weightsFile))
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
        try tokenizer.requireRoom(in: configuration.longestText, file: directory.path, field: "max_position_embeddings")
    }
}
