import Files
import Foundation

/// What `modules.json` of sentence-transformers says about the way from hidden states to an embedding.
///
/// The chain is Transformer, Pooling and perhaps Normalize. `1_Pooling/config.json` names the pooling, and
/// `sentence_bert_config.json` the longest text.
struct SentenceModules {
    private(set) var pooling = EncoderConfiguration.Pooling.mean
    private(set) var normalizes = false
    private(set) var longestText: Int?

    static let file = "modules.json"
    static let textFile = "sentence_bert_config.json"

    private struct Module: Codable {
        var idx: Int?
        var name: String?
        var path: String
        var type: String

        var kind: String { type.split(separator: ".").last.map(String.init) ?? type }
    }

    /// Reads the files beside a `config.json`; nil where there is no `modules.json`.
    ///
    /// - Throws: `InputError` or `InputErrors` for a damaged file, and for modules that are not computed here, by name.
    init?(beside configuration: URL, hiddenSize: Int) throws {
        let directory = configuration.deletingLastPathComponent()
        let url = directory.appendingPathComponent(Self.file)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        func refuse(_ problem: String, _ remedy: String? = nil) -> InputError {
            InputError(file: url.path, problem: problem, remedy: remedy)
        }
        let modules: [Module]
        do {
            modules = try JSONDecoder().decode([Module].self, from: Data(contentsOf: url))
        } catch is DecodingError {
            throw refuse("not a list of modules, each with a \"type\" and a \"path\"")
        } catch {
            throw refuse("cannot be read", "check that it is a regular file, and its permissions")
        }
        let kinds = modules.map(\.kind)
        guard kinds == ["Transformer", "Pooling"] || kinds == ["Transformer", "Pooling", "Normalize"] else {
            throw refuse(
                "the modules are \(kinds.joined(separator: ", ")), which are not all computed here",
                "Transformer, Pooling and perhaps Normalize are, in this order")
        }
        guard modules[0].path.isEmpty else {
            throw refuse(
                "the transformer lies in \(modules[0].path)", "move its files to the directory of modules.json")
        }
        let folder = modules[1].path
        guard !folder.isEmpty, !folder.hasPrefix("."), !folder.contains("/"), !folder.contains("\0") else {
            throw refuse("the path of Pooling is \"\(folder)\", expected a folder beside modules.json")
        }
        normalizes = modules.count == 3
        try readPooling(directory.appendingPathComponent(folder).appendingPathComponent("config.json"), hiddenSize)
        try readText(directory.appendingPathComponent(Self.textFile))
    }

    private mutating func readPooling(_ url: URL, _ hiddenSize: Int) throws {
        var file = try ConfigurationReader(reading: url)
        let width = file.size("word_embedding_dimension", standard: hiddenSize)
        if width != hiddenSize {
            file.refuse("word_embedding_dimension", "found \(width), the model is \(hiddenSize) wide")
        }
        var modes = Self.modes.filter { file.flag("pooling_mode_" + $0.key, standard: false) }.map(\.name)
        if let name = file.text("pooling_mode") { modes.append(name) }
        switch modes {
        case ["cls"]: pooling = .first
        case ["mean"]: pooling = .mean
        case ["max"]: pooling = .max
        default:
            file.refuse(
                "pooling_mode", "found \(modes.isEmpty ? "none" : modes.joined(separator: " and "))",
                remedy: "one of cls, mean and max is computed here")
        }
        try file.finish()
    }

    private mutating func readText(_ url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        var file = try ConfigurationReader(reading: url)
        if file.has("max_seq_length") { longestText = file.size("max_seq_length", least: 3) }
        if file.flag("do_lower_case", standard: false) {
            file.refuse(
                "do_lower_case", "found true: texts are taken as they are here",
                remedy: "set it to false if the tokenizer makes lower case itself, as uncased ones do")
        }
        try file.finish()
    }

    private static let modes: [(key: String, name: String)] = [
        ("cls_token", "cls"), ("mean_tokens", "mean"), ("max_tokens", "max"),
        ("mean_sqrt_len_tokens", "mean_sqrt_len"), ("weightedmean_tokens", "weightedmean"),
        ("lasttoken", "lasttoken"),
    ]
}
