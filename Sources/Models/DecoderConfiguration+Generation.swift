import Foundation

extension DecoderConfiguration {
    static let generationFile = "generation_config.json"

    /// Takes up the ids that end a text from the `generation_config.json` beside `config.json`, if there is one: as in
    /// `transformers` they go before those of `config.json`, which instructed models often leave as they were trained first.
    ///
    /// - Throws: `InputError` or `InputErrors` if the file is damaged.
    mutating func readGeneration(beside configuration: URL) throws {
        let url = configuration.deletingLastPathComponent().appendingPathComponent(Self.generationFile)
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        var file = try ConfigurationReader(reading: url)
        let ids = file.ids("eos_token_id")
        try file.finish()
        if !ids.isEmpty { endTokens = ids }
    }
}
