import Formats
import Foundation
import Tokenizers

extension FileInspection {
    /// A tokenizer's file by itself, known by its name; nil for any other file.
    ///
    /// - Throws: `InputError` if it is damaged, or asks for something that is not known.
    init?(tokenizer url: URL) throws {
        guard [TokenizerFiles.pipelineFile, TokenizerFiles.vocabularyFile].contains(url.lastPathComponent) else {
            return nil
        }
        let tokenizer = try TokenizerFiles.load(from: url)
        var properties = [Property(name: "tokenizer", value: "\(tokenizer.vocabularySize) tokens")]
        properties += tokenizer.special.roles.map { role, id in
            Property(name: role, value: "\(tokenizer.token(id)) \(id)")
        }
        let (single, pair) = (tokenizer.templateTokens(isPair: false), tokenizer.templateTokens(isPair: true))
        properties.append(Property(name: "added to a text", value: "\(single) tokens, \(pair) to a pair"))
        properties += tokenizer.settings.map { Property(name: $0.name, value: $0.value) }
        self.init(format: .tokenizer, metadata: properties)
    }
}

extension SpecialTokens {
    /// The roles that there are, by the names that published files have for them.
    fileprivate var roles: [(String, Int32)] {
        let roles = [
            ("pad_token", pad), ("unk_token", unknown), ("cls_token", classification), ("sep_token", separator),
            ("mask_token", mask), ("bos_token", beginning), ("eos_token", end),
        ]
        return roles.compactMap { name, id in id.map { (name, $0) } }
    }
}
