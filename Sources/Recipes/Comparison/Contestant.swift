import Compression
import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Models

/// One side of a comparison: a model that answers now, or answers that were recorded.
enum Contestant {
    case encoder(LoadedModel)
    case decoder(URL)
    case recording(RecordedAnswers)

    /// Opens a model directory, a run, an export, a GGUF file, an exported ONNX file, or a file of recorded answers (`.jsonl`).
    ///
    /// - Throws: `InputError` saying what is missing or wrong.
    init(_ path: String, _ examples: ExampleRows) throws {
        let url = URL(fileURLWithPath: path)
        if Comparison.isRecording(path) {
            self = .recording(try RecordedAnswers(reading: path, joinedTo: examples))
            return
        }
        let place = DecoderDirectory.place(of: LoadedModel.modelFolder(of: url))
        self = DecoderDirectory.isDecoder(place) ? .decoder(place) : .encoder(try LoadedModel(url, isOnlyRun: true))
    }

    /// What it gives.
    var kind: RecordedAnswers.Kind? {
        switch self {
        case .encoder(let model):
            switch model.classifier.configuration.head {
            case .classification: .classes
            case .regression: .number
            case .embedding: .embedding
            default: nil
            }
        case .decoder: .text
        case .recording(let answers): answers.kind
        }
    }

    var path: String {
        switch self {
        case .encoder(let model): model.place.relativePath
        case .decoder(let url): url.relativePath
        case .recording(let answers): answers.path
        }
    }

    /// Of its weights on the disk; nil of a recording.
    func bytes() throws -> Int? {
        switch self {
        case .encoder(let model): try model.bytes()
        case .decoder(let url):
            try FileKind(at: url) == .gguf ? FileSize.bytes(at: url.path) : StoredWeights(directory: url).byteCount
        case .recording: nil
        }
    }
}
