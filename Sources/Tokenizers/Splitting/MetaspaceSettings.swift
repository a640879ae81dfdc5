/// The settings that the Metaspace pre-tokenizer and decoder share.
struct MetaspaceSettings {
    let mark: Unicode.Scalar
    let prefix: PreTokenizer.MetaspacePrefix
    let splits: Bool

    init(_ object: inout JSONObject) throws {
        let replacement = try object.required("replacement")
        let scalars = Array(try replacement.string().unicodeScalars)
        guard scalars.count == 1 else { throw replacement.error("is not one character") }
        mark = scalars[0]
        var prefix = PreTokenizer.MetaspacePrefix.always
        if let scheme = try object.optional("prepend_scheme") {
            guard let known = PreTokenizer.MetaspacePrefix(rawValue: try scheme.string()) else {
                throw scheme.error("is not `first`, `never` or `always`")
            }
            prefix = known
        }
        if let adds = try object.optional("add_prefix_space"), try !adds.boolean() {
            let isGiven = try object.optional("prepend_scheme") != nil
            guard !isGiven || prefix == .never else { throw adds.error("is false, but `prepend_scheme` is \(prefix)") }
            prefix = .never
        }
        self.prefix = prefix
        splits = try object.boolean("split", default: true)
        object.ignore("str_rep")
    }
}
