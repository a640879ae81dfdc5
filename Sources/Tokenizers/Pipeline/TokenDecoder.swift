import Foundation

/// How a `tokenizer.json` turns tokens back into a text.
indirect enum TokenDecoder: Sendable {
    case byteLevel
    case wordPiece(WordPieceDecoder)
    case metaspace(Unicode.Scalar, stripsFirst: Bool)
    case replace(Pattern, with: String)
    case fuse
    case byteFallback
    case strip(Unicode.Scalar, start: Int, stop: Int)
    case sequence([TokenDecoder])

    func decode(_ tokens: [String]) -> [String] {
        switch self {
        case .byteLevel:
            return [String(decoding: tokens.flatMap(Self.rawBytes), as: UTF8.self)]
        case .wordPiece(let decoder): return decoder.decode(tokens)
        case .metaspace(let mark, let stripsFirst):
            return tokens.enumerated().map { index, token in
                var text = String.UnicodeScalarView()
                for scalar in token.unicodeScalars {
                    if scalar != mark {
                        text.append(scalar)
                    } else if index > 0 || !stripsFirst {
                        text.append(" ")
                    }
                }
                return String(text)
            }
        case .replace(let pattern, let content): return tokens.map { Self.replace(pattern, content, in: $0) }
        case .fuse: return [tokens.joined()]
        case .byteFallback: return Self.joinBytes(tokens)
        case .strip(let scalar, let start, let stop):
            return tokens.map { token in
                let scalars = Array(token.unicodeScalars)
                let first = scalars.prefix(start).prefix { $0 == scalar }.count
                let last = scalars.suffix(stop).reversed().prefix { $0 == scalar }.count
                return String(String.UnicodeScalarView(scalars[first..<max(first, scalars.count - last)]))
            }
        case .sequence(let parts): return parts.reduce(tokens) { $1.decode($0) }
        }
    }

    /// What one token in the middle of a text adds to it.
    func bytes(of token: String) -> [UInt8] {
        switch self {
        case .byteLevel: return Self.rawBytes(token)
        case .byteFallback: return Self.fallbackByte(token).map { [$0] } ?? Array(token.utf8)
        case .wordPiece(let decoder): return Array((decoder.decode(["", token]).last ?? "").utf8)
        case .metaspace: return Array((decode(["", token]).last ?? "").utf8)
        case .replace(let pattern, let content): return Array(Self.replace(pattern, content, in: token).utf8)
        case .fuse, .strip: return Array(token.utf8)
        case .sequence(let parts):
            var token = token
            for part in parts {
                if case .byteFallback = part, let byte = Self.fallbackByte(token) { return [byte] }
                if case .byteLevel = part { return part.bytes(of: token) }
                token = String(decoding: part.bytes(of: token), as: UTF8.self)
            }
            return Array(token.utf8)
        }
    }

    private static func rawBytes(_ token: String) -> [UInt8] { ByteAlphabet.bytes(of: token) ?? Array(token.utf8) }

    private static func replace(_ pattern: Pattern, _ content: String, in token: String) -> String {
        var token = token
        return token.withUTF8 { text in
            var result: [UInt8] = []
            pattern.forEachPart(of: text, in: 0..<text.count) { range, isMatch in
                result += isMatch ? Array(content.utf8) : Array(text[range])
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// The byte that `<0x0A>` names.
    private static func fallbackByte(_ token: String) -> UInt8? {
        let text = Array(token.utf8)
        guard text.count == 6, text.starts(with: "<0x".utf8), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }

    /// Runs of byte tokens become text; each byte of a run that is not UTF-8 becomes U+FFFD.
    private static func joinBytes(_ tokens: [String]) -> [String] {
        var result: [String] = []
        var run: [UInt8] = []
        func end() {
            if let text = String(validating: run, as: UTF8.self) {
                if !run.isEmpty { result.append(text) }
            } else {
                result += run.map { _ in "\u{FFFD}" }
            }
            run = []
        }
        for token in tokens {
            if let byte = fallbackByte(token) {
                run.append(byte)
            } else {
                end()
                result.append(token)
            }
        }
        end()
        return result
    }
}

extension TokenDecoder {
    /// Reads the `decoder` of a `tokenizer.json`.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        let type = try object.required("type")
        switch try type.string() {
        case "ByteLevel":
            for name in ["add_prefix_space", "trim_offsets", "use_regex"] { object.ignore(name) }
            self = .byteLevel
        case "WordPiece":
            self = .wordPiece(
                WordPieceDecoder(
                    prefix: try object.required("prefix").string(), cleansUp: try object.boolean("cleanup")))
        case "Metaspace":
            let settings = try MetaspaceSettings(&object)
            self = .metaspace(settings.mark, stripsFirst: settings.prefix != .never)
        case "Replace":
            self = .replace(
                try Pattern(reading: try object.required("pattern")), with: try object.required("content").string())
        case "Fuse": self = .fuse
        case "ByteFallback": self = .byteFallback
        case "Strip":
            let content = try object.required("content")
            let scalars = Array(try content.string().unicodeScalars)
            let counts = try ["start", "stop"].map { try object.required($0).integer() }
            guard scalars.count == 1, counts.allSatisfy({ (0...1 << 20).contains($0) }) else {
                throw content.error("is not one character, or the counts beside it make no sense")
            }
            self = .strip(scalars[0], start: counts[0], stop: counts[1])
        case "Sequence": self = .sequence(try object.required("decoders").elements().map { try TokenDecoder($0) })
        default:
            throw type.error("`\(try type.string())` is not a decoder that is known here", remedy: JSONObject.unknown)
        }
        try object.finish()
    }
}
