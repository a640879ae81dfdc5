import Files
import Formats
import Foundation

/// What a soft-target file says of itself: see `SoftTargetFile` for the attributes.
public struct SoftTargetDescription: Equatable, Sendable {
    /// Distributions over outcomes, of which some or all are in the file.
    public struct Predictions: Equatable, Sendable {
        public var scope: TargetScope
        /// V.
        public var outcomes: Int
        /// k, at most V.
        public var kept: Int

        public init(scope: TargetScope, outcomes: Int, kept: Int) {
            self.scope = scope
            self.outcomes = outcomes
            self.kept = kept
        }

        public var areComplete: Bool { kept == outcomes }
    }

    /// Nil where only states were recorded.
    public var predictions: Predictions?
    /// The temperatures of `log_normalizers`; empty where predictions are complete.
    public var temperatures: [Double] = []
    public var hasUniformTail = false
    /// The names of the outcomes, in their order; nil where the file has none.
    public var classes: [String]?
    public var hiddenLayers: [Int] = []
    public var attentionLayers: [Int] = []
    /// The heads of each of these layers.
    public var attentionHeads: [Int] = []
    /// The digests of what made it: `teacher_sha256`, `tokenizer_sha256`, `data_sha256`; empty where the file has none.
    public var digests: [String: String] = [:]
    public var part = 0
    public var parts = 1

    public init(predictions: Predictions?) {
        self.predictions = predictions
    }

    public static let teacher = "teacher_sha256"
    public static let tokenizer = "tokenizer_sha256"
    public static let data = "data_sha256"

    /// In a few words, in what this differs from another description; nil if in nothing that a person could change.
    func differences(from other: SoftTargetDescription) -> String? {
        func differs<Value: Equatable>(_ name: String, _ value: (Self) -> Value) -> String? {
            value(self) == value(other) ? nil : "\(name): \(value(self)) instead of \(value(other))"
        }
        let digests = [Self.teacher, Self.tokenizer, Self.data].filter { self.digests[$0] != other.digests[$0] }
        let reasons =
            digests.map { "another \($0)" }
            + [
                differs("kept") { $0.predictions?.kept ?? 0 }, differs("temperatures", \.temperatures),
                differs("layers", \.hiddenLayers), differs("attention_layers", \.attentionLayers),
            ].compactMap { $0 }
        return reasons.isEmpty ? nil : reasons.joined(separator: ", ")
    }

    private static func text<Value>(_ values: [Value]) -> String {
        values.map { "\($0)" }.joined(separator: ",")
    }

    /// - Parameter notes: what is worth knowing and decides nothing, such as the command.
    func write(to file: HDF5Writer, notes: [String: HDF5Attribute]) throws {
        var attributes = notes
        attributes["format"] = .string(SoftTargetFile.format)
        attributes["schema"] = .integer(Int64(SoftTargetFile.schema))
        attributes["predictions"] = .string(predictions?.scope.rawValue ?? "none")
        if let predictions {
            attributes["outcomes"] = .integer(Int64(predictions.outcomes))
            attributes["kept"] = .integer(Int64(predictions.kept))
            if !predictions.areComplete {
                attributes["temperatures"] = .string(Self.text(temperatures))
                attributes["tail"] = .string(hasUniformTail ? "uniform" : "exact")
            }
        }
        if let classes {
            attributes[SoftTargetFile.classes] = .string(
                String(decoding: try JSONEncoder().encode(classes), as: UTF8.self))
        }
        attributes["layers"] = .string(Self.text(hiddenLayers))
        attributes["attention_layers"] = .string(Self.text(attentionLayers))
        attributes["attention_heads"] = .string(Self.text(attentionHeads))
        attributes["part"] = .integer(Int64(part))
        attributes["parts"] = .integer(Int64(parts))
        for (name, digest) in digests { attributes[name] = .string(digest) }
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { try file.setAttribute(name, to: value) }
    }

    /// Reads what a file says; the shapes of its datasets stand in for what a file of another program leaves unsaid.
    ///
    /// - Throws: `InputError` naming the file and the attribute.
    init(reading file: HDF5File, named name: String) throws {
        let format = try file.string("format")
        guard format == SoftTargetFile.format else {
            throw InputError(
                file: name, field: "format", problem: "found \"\(format)\", expected \"\(SoftTargetFile.format)\"")
        }
        let schema = try file.integer("schema")
        guard schema == SoftTargetFile.schema else {
            throw InputError(
                file: name, field: "schema", problem: "version \(schema); this program reads \(SoftTargetFile.schema)",
                remedy: "record the targets again")
        }
        let reader = AttributeReader(file: file, name: name)
        predictions = try Self.predictions(of: file, reader)
        temperatures = try reader.list("temperatures") { Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } }
        let tail = try reader.string("tail") ?? "exact"
        guard ["exact", "uniform"].contains(tail) else {
            throw reader.problem("tail", "found \"\(tail)\", expected exact or uniform")
        }
        hasUniformTail = tail == "uniform"
        classes = try reader.string(SoftTargetFile.classes).map { text in
            guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)),
                names.count == predictions?.outcomes
            else { throw reader.problem(SoftTargetFile.classes, "expected a JSON array with a name for each outcome") }
            return names
        }
        hiddenLayers = try reader.list("layers") { Int($0).flatMap { $0 >= 0 ? $0 : nil } }
        attentionLayers = try reader.list("attention_layers") { Int($0).flatMap { $0 > 0 ? $0 : nil } }
        attentionHeads = try (reader.string("attention_heads") ?? "").split(separator: ",").map { text in
            guard let heads = Int(text), heads > 0 else {
                throw InputError(file: name, field: "attention_heads", problem: "\"\(text)\" is not a number of heads")
            }
            return heads
        }
        for digest in [Self.teacher, Self.tokenizer, Self.data] {
            digests[digest] = try reader.string(digest)
        }
        part = try reader.integer("part") ?? 0
        parts = try reader.integer("parts") ?? 1
        guard (0..<100_000).contains(part), part < parts, parts <= 100_000 else {
            throw InputError(file: name, field: "part", problem: "part \(part) of \(parts) cannot be")
        }
    }

    private static func predictions(of file: HDF5File, _ reader: AttributeReader) throws -> Predictions? {
        let hasPredictions = try file.links().contains { $0.name == SoftTargetFile.logProbabilities }
        let scope = try reader.string("predictions")
        if !hasPredictions, scope == nil || scope == "none" { return nil }
        guard let scope = TargetScope(rawValue: scope ?? TargetScope.row.rawValue) else {
            throw reader.problem("predictions", "found \"\(scope ?? "")\", expected row, position or none")
        }
        let width = try file.dataset(SoftTargetFile.logProbabilities, shape: [nil, nil]).shape[1]
        let outcomes = try reader.integer("outcomes") ?? width
        // Ids are stored in 32 bits.
        guard width > 0, width <= outcomes, outcomes <= Int(Int32.max), try reader.integer("kept") ?? width == width
        else {
            throw reader.problem("kept", "\(width) log-probabilities are stored for \(outcomes) outcomes")
        }
        return Predictions(scope: scope, outcomes: outcomes, kept: width)
    }
}

/// Reads optional attributes of the file's root.
private struct AttributeReader {
    let file: HDF5File
    let name: String

    func problem(_ attribute: String, _ problem: String) -> InputError {
        InputError(file: name, field: attribute, problem: problem)
    }

    func string(_ attribute: String) throws -> String? {
        switch try file.attribute(attribute) {
        case nil: return nil
        case .string(let value): return value
        default: throw problem(attribute, "expected a string")
        }
    }

    func integer(_ attribute: String) throws -> Int? {
        switch try file.attribute(attribute) {
        case nil: return nil
        case .integer(let value): return Int(value)
        default: throw problem(attribute, "expected an integer")
        }
    }

    /// The values of a list with commas, each once.
    func list<Value: Hashable>(_ attribute: String, _ convert: (Substring) -> Value?) throws -> [Value] {
        try (string(attribute) ?? "").split(separator: ",").reduce(into: []) { values, text in
            guard let value = convert(text), !values.contains(value) else {
                throw problem(attribute, "\"\(text)\" is not a value of such a list, or stands in it twice")
            }
            values.append(value)
        }
    }
}
