import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// A model whose outputs on token sequences can be compared with those of its files.
///
/// Of an encoder: what its head gives per text. Of a decoder: the logits behind the last token of each text.
struct ExportSource {
    let kind: ExportFormat.Kind
    let tokenizer: any Tokenizer
    let url: URL
    let model: Model

    enum Model {
        case float(Encoder)
        case int8(QuantizedEncoder)
        case decoder(Decoder)
    }

    /// Reads a model directory, a GGUF file, or a run's finished model.
    ///
    /// - Throws: `InputError` saying what is missing or wrong.
    init(_ place: URL) throws {
        let folder = DecoderDirectory.place(of: LoadedModel.modelFolder(of: place))
        if DecoderDirectory.isDecoder(folder) {
            let teacher = try DecoderDirectory.readTeacher(folder)
            (kind, tokenizer, url, model) = (.decoder, teacher.tokenizer, folder, .decoder(teacher.decoder))
            return
        }
        let loaded = try LoadedModel(place)
        if let graph = loaded.graph {
            throw InputError(
                file: graph.path, problem: "an exported graph is not exported again",
                remedy: "give the model directory that it was exported from")
        }
        (tokenizer, url) = (loaded.tokenizer, loaded.url)
        if let encoder = loaded.classifier as? Encoder {
            (kind, model) = (.floatEncoder, .float(encoder))
        } else {
            (kind, model) = (.int8Encoder, .int8(try QuantizedEncoder(reading: loaded.url)))
        }
    }

    /// Numbers per text.
    var width: Int {
        switch model {
        case .float(let encoder): encoder.configuration.outputWidth
        case .int8(let encoder): encoder.configuration.outputWidth
        case .decoder(let decoder): decoder.configuration.vocabularySize
        }
    }

    var isClassifier: Bool {
        switch model {
        case .float(let encoder): encoder.configuration.head == .classification
        case .int8(let encoder): encoder.configuration.head == .classification
        case .decoder: false
        }
    }

    /// What the model gives as it was trained.
    func outputs(_ sequences: [[Int32]]) throws -> [Float] {
        switch model {
        case .float(let encoder): try encoder.logits(of: sequences, batch: ExportProof.batch)
        case .int8(let encoder):
            // In float32, which other runtimes compute too.
            try IntegerRuntime(encoder, attention: .float32).logits(of: sequences, batch: ExportProof.batch)
        case .decoder(let decoder):
            sequences.flatMap { tokens in
                let logits = decoder.logits(PackedBatch([tokens], samples: [0]))
                return Array(logits.values.suffix(logits.width))
            }
        }
    }

    /// Texts as the model reads them, those without tokens left out.
    func sequences(_ texts: [String]) -> [[Int32]] {
        let longest =
            switch model {
            case .float(let encoder): encoder.configuration.longestText
            case .int8(let encoder): encoder.configuration.longestText
            case .decoder(let decoder): min(decoder.configuration.maximumPositions, 128)
            }
        return tokenizer.encode(texts, maxLength: min(longest, 256)).filter { !$0.isEmpty }
    }
}
