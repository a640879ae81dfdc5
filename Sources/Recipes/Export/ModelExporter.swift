import Compression
import Distillation
import Files
import Formats
public import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// Writes a finished model in the formats that others read, and proves each file before it is handed over.
///
/// The directory is made aside and put in place when everything in it has been read back, run in our own runtime on real
/// texts, and found to give the model's outputs within the format's tolerance. Exporting again gives the same bytes.
public struct ModelExporter {
    /// A format, how its file was judged, and its size.
    public struct Entry: Sendable {
        public let format: ExportFormat
        public let bytes: Int
        public let agreement: String
    }

    public let kind: ExportFormat.Kind
    private let source: ExportSource

    /// Reads a model directory, a GGUF file, or a run's finished model.
    ///
    /// - Throws: `InputError` saying what is missing or wrong.
    public init(_ place: URL) throws {
        source = try ExportSource(place)
        kind = source.kind
    }

    /// Texts as the model reads them; those without tokens are left out.
    public func sequences(_ texts: [String]) -> [[Int32]] { source.sequences(texts) }

    /// Writes the formats to `place`, which is replaced if it is an earlier export.
    ///
    /// - Parameters:
    ///   - sequences: what the files are proved on, beside a sample of many kinds of text.
    ///   - card: what the model card says beyond the model's shape.
    /// - Throws: `ExportMismatch` if a file does not compute what the model does; `InputError` or `InputErrors` if the model
    ///   has no such form, or the directory cannot be written. What was at `place` is there still then.
    public func write(
        _ formats: [ExportFormat], to place: URL, provedOn sequences: [[Int32]] = [], card: ModelCard.Notes = .init(),
        progress: (ExportFormat) throws -> Void = { _ in }
    ) throws -> [Entry] {
        guard !holdsSource(place) else {
            throw InputError(
                file: place.path, problem: "holds the model that is exported, which would be replaced",
                remedy: "name another directory")
        }
        if PathKind(of: place.path) != nil, !isReplaceable(place) {
            throw InputError(
                file: place.path, problem: "is there already, and is no export, or holds other files beside one",
                remedy: "name another directory, or move the other files away")
        }
        return try AtomicDirectory.replace(place) { aside in
            try writeDirectory(formats, to: aside)
            let sample = source.sequences(TokenizerSample.texts)
            let reference = (own: try source.outputs(sequences), sample: try source.outputs(sample))
            let entries = try formats.map { format in
                try progress(format)
                try write(format, named: card.name, to: aside)
                let proof = ExportProof(format: format, directory: aside)
                let tolerance = ExportProof.tolerance(format, kind, isClassifier: source.isClassifier)
                let found = OutputAgreement(
                    reference.own + reference.sample, try proof.outputs(sequences) + proof.outputs(sample),
                    width: source.width)
                if let problem = found.problem(tolerance) {
                    throw ExportMismatch(file: place.appendingPathComponent(format.path).path, problem: problem)
                }
                let path = aside.appendingPathComponent(format.path).path
                let bytes = FileSize.bytes(at: path) ?? 0
                return Entry(format: format, bytes: bytes, agreement: found.summary(tolerance))
            }
            try AtomicFile.write(
                ModelCard(source, entries, notes: card, name: card.name ?? place.lastPathComponent).text,
                to: aside.appendingPathComponent("README.md"))
            try ExportRecord(
                kind: kind, formats: formats, isClassifier: source.isClassifier, width: source.width,
                sequences: sample, expected: reference.sample, isDecoder: kind == .decoder
            ).write(to: aside)
            return entries
        }
    }

    /// Whether the directory is empty, or holds an export and nothing beside it, and may be replaced.
    private func isReplaceable(_ place: URL) -> Bool {
        // Of what is no directory the list of entries may be empty too.
        guard PathKind(of: place.path) == .directory,
            let entries = try? FileManager.default.subpathsOfDirectory(atPath: place.path)
        else { return false }
        guard !entries.isEmpty else { return true }
        guard let record = try? ExportRecord(reading: place) else { return false }
        let known = Set(record.files.keys).union([ExportRecord.file])
        return entries.allSatisfy { entry in known.contains(entry) || known.contains { $0.hasPrefix(entry + "/") } }
    }

    /// Whether the model is read from this directory, or from one in it.
    private func holdsSource(_ place: URL) -> Bool {
        func path(_ url: URL) -> String { url.resolvingSymlinksInPath().standardizedFileURL.path }
        return (path(source.url) + "/").hasPrefix(path(place) + "/")
    }

    /// What every format needs: the configuration, the tokenizer, and the weights if they are asked for.
    private func writeDirectory(_ formats: [ExportFormat], to aside: URL) throws {
        switch source.model {
        case .float(let encoder): try ModelDirectory.write(encoder, source.tokenizer, to: aside)
        case .int8(let encoder):
            try source.tokenizer.write(to: aside)
            try encoder.write(to: aside)
        case .decoder(let decoder):
            try DecoderDirectory.write(decoder, to: aside)
            try source.tokenizer.write(to: aside)
        }
        guard !formats.contains(.safetensors) else { return }
        try FileManager.default.removeItem(at: aside.appendingPathComponent(ModelDirectory.weightsFile))
    }

    /// - Parameter name: what files that hold a name say; nil: that of the directory that was read.
    private func write(_ format: ExportFormat, named name: String?, to aside: URL) throws {
        let name = name ?? source.url.deletingPathExtension().lastPathComponent
        let url = aside.appendingPathComponent(format.path)
        if let storage = format.storage, case .decoder(let decoder) = source.model {
            let directory = url.deletingLastPathComponent()
            try DecoderDirectory.write(decoder, as: storage, to: directory)
            return try source.tokenizer.write(to: directory)
        }
        switch (format, source.model) {
        case (.safetensors, _): break
        case (.onnx, .float(let encoder)): try ONNXExport.float(encoder).write(to: url)
        case (.onnxFloat16, .float(let encoder)): try ONNXExport.float(encoder, .float16).write(to: url)
        case (.onnx, .int8(let encoder)):
            try ONNXExport.quantized(encoder, encoder.hasFixedGrids ? .qdq : .fused).write(to: url)
        case (.onnxFused, .int8(let encoder)): try ONNXExport.quantized(encoder, .fused).write(to: url)
        case (.compressedTensors, .int8(let encoder)):
            let directory = url.deletingLastPathComponent()
            try encoder.writeCompressedTensors(to: directory)
            try source.tokenizer.write(to: directory)
        case (.gguf, _): try writeGGUF(.float32, format, name, url)
        case (.ggufF16, _): try writeGGUF(.float16, format, name, url)
        case (.ggufQ80, _): try writeGGUF(.q80, format, name, url)
        case (.ggufQ40, _): try writeGGUF(.q40, format, name, url)
        case (.onnx, .decoder), (.onnxFloat16, _), (.onnxFused, _), (.compressedTensors, _),
            (.safetensorsFloat16, _), (.safetensorsBFloat16, _), (.int4Group32, _), (.int4Group64, _):
            throw unfit(format)
        }
    }

    private func writeGGUF(_ type: ElementType, _ format: ExportFormat, _ name: String, _ url: URL) throws {
        let tokenizer = source.tokenizer
        switch source.model {
        case .decoder(let decoder):
            try DecoderDirectory.writeGGUF(decoder, tokenizer, type: type, name: name, to: url)
        case .float(let encoder): try EncoderGGUF.write(encoder, tokenizer, type: type, name: name, to: url)
        case .int8: throw unfit(format)
        }
    }

    private func unfit(_ format: ExportFormat) -> InputError {
        InputError(
            field: format.rawValue, problem: "the model is no \(kind.rawValue) of this format",
            remedy: "choose from \(kind.formats.map(\.rawValue).joined(separator: ", "))")
    }
}
