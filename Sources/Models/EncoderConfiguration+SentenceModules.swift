import Files
public import Foundation

extension EncoderConfiguration {
    /// Writes `modules.json` and what it names, by which sentence-transformers knows an embedding; for other heads, takes
    /// away a `modules.json` that stood there.
    ///
    /// - Throws: `InputError` if a file cannot be written.
    public func writeSentenceModules(to directory: URL) throws {
        guard head == .embedding else {
            let file = directory.appendingPathComponent(SentenceModules.file)
            if FileManager.default.fileExists(atPath: file.path) { try FileManager.default.removeItem(at: file) }
            return
        }
        let type = "sentence_transformers.models."
        var modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        if normalizesEmbedding { modules.append(("2_Normalize", "Normalize")) }
        let entries = modules.enumerated().map { index, module in
            #"  {"idx": \#(index), "name": "\#(index)", "path": "\#(module.0)", "type": "\#(type)\#(module.1)"}"#
        }
        let modes = [("cls", pooling == .first), ("mean", pooling == .mean), ("max", pooling == .max)].map {
            #"  "pooling_mode_\#($0.0)_token\#($0.0 == "cls" ? "" : "s")": \#($0.1)"#
        }
        let poolingFile = "{\n  \"word_embedding_dimension\": \(hiddenSize),\n\(modes.joined(separator: ",\n"))\n}\n"
        let textFile = "{\n  \"do_lower_case\": false,\n  \"max_seq_length\": \(longestText)\n}\n"
        for (path, content) in [
            (SentenceModules.file, "[\n\(entries.joined(separator: ",\n"))\n]\n"),
            ("1_Pooling/config.json", poolingFile), (SentenceModules.textFile, textFile),
        ] {
            try AtomicFile.write(Data(content.utf8), to: directory.appendingPathComponent(path))
        }
    }
}
