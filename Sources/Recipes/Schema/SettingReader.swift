import Files

/// Checks what was written against the schema, and collects every problem instead of stopping at the first.
struct SettingReader {
    private(set) var errors: [InputError] = []
    private(set) var places: RecipePlaces
    /// Paths whose value could not be read; what depends on them is not judged.
    private(set) var unreadable: [String] = []

    init(file: String) {
        places = RecipePlaces(file: file)
    }

    /// The values of a section: those written, and the defaults of the others. Required keys that are missing are
    /// reported and left out.
    ///
    /// - Parameter path: of the section; empty for the whole recipe.
    mutating func readSection(_ entries: [SourceNode.Entry], as keys: [Key], at path: String) -> SettingValue {
        var written: [String: SettingValue] = [:]
        var present: Set<String> = []
        var meant: Set<String> = []
        for entry in entries {
            let inner = Self.join(path, entry.name)
            guard let key = keys.first(where: { $0.name == entry.name }) else {
                let suggestion = nearestName(to: entry.name, among: keys.map(\.name))
                suggestion.map { _ = meant.insert($0) }
                report(
                    entry.place, field: inner, "unknown key \(SourceNode.quote(entry.name))",
                    remedy: Self.remedy(forUnknown: entry.name, suggestion: suggestion, keys: keys, section: path))
                continue
            }
            present.insert(key.name)
            places[inner] = Self.isSection(key) ? entry.place : entry.value.place
            if let value = read(entry.value, as: key.kind, orNull: key.acceptsNull, at: inner) {
                written[key.name] = value
            } else {
                unreadable.append(inner)
            }
        }
        var values: [SettingValue.Entry] = []
        for key in keys {
            let inner = Self.join(path, key.name)
            if let value = written[key.name] {
                values.append(.init(name: key.name, value: value))
            } else if key.isRequired, !present.contains(key.name) {
                unreadable.append(inner)
                // A misspelt required key is one problem, and the unknown key's error already names this one.
                if !meant.contains(key.name) { reportMissing(key, at: inner) }
            } else if case .sameAs(let sibling) = key.presence, !present.contains(key.name) {
                let value = values.first { $0.name == sibling }?.value
                value.map { values.append(.init(name: key.name, value: $0)) }
            } else if case .section(let inside) = key.kind, key.defaultValue != .null, !present.contains(key.name) {
                values.append(.init(name: key.name, value: readSection([], as: inside, at: inner)))
            } else {
                values.append(.init(name: key.name, value: key.defaultValue))
            }
        }
        return .map(values)
    }

    /// The value of a node, or nil after its problems have been reported.
    private mutating func read(_ node: SourceNode, as kind: Kind, orNull: Bool, at path: String) -> SettingValue? {
        if orNull, node.isNull { return .null }
        switch (kind, node.content) {
        case (.section(let keys), .map(let entries)):
            return readSection(entries, as: keys, at: path)
        case (.section(let keys), _) where node.isNull && !keys.contains(where: \.isRequired):
            return readSection([], as: keys, at: path)
        case (.entries(let inner), .map(let entries)):
            return readEntries(entries, as: inner, at: path)
        case (.list(let inner, let count, let distinct), .list(let nodes)):
            return readList(nodes, of: inner, count: count, distinct: distinct, node: node, at: path)
        case (_, .scalar(let text, let quoted)):
            if let value = readScalar(text, quoted: quoted, as: kind) { return value }
            if case .choice(_, let unsupported) = kind, unsupported.contains(text) {
                report(
                    node.place, field: path, "\(SourceNode.quote(text)) is not supported by this version",
                    remedy: "expected \(kind.expectation)")
                return nil
            }
        default: break
        }
        report(
            node.place, field: path, "found \(node.words); expected \(kind.expectation)",
            remedy: Self.remedy(node, kind))
        return nil
    }

    private mutating func readEntries(_ entries: [SourceNode.Entry], as kind: Kind, at path: String) -> SettingValue? {
        var values: [SettingValue.Entry] = []
        for entry in entries {
            let inner = Self.join(path, entry.name)
            places[inner] = entry.value.place
            if !TextForm.settingName.allows(entry.name) {
                report(
                    entry.place, field: path,
                    "found the name \(SourceNode.quote(entry.name)); expected \(TextForm.settingName.words)")
            } else if let value = read(entry.value, as: kind, orNull: false, at: inner) {
                values.append(.init(name: entry.name, value: value))
            }
        }
        return values.count == entries.count ? .map(values) : nil
    }

    private mutating func readList(
        _ nodes: [SourceNode], of kind: Kind, count: ClosedRange<Int>, distinct: Bool, node: SourceNode, at path: String
    ) -> SettingValue? {
        guard count.contains(nodes.count) else {
            let expected =
                count.lowerBound == count.upperBound
                ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
            report(node.place, field: path, "found a list of \(nodes.count); expected \(expected) elements")
            return nil
        }
        var values: [SettingValue] = []
        var isSound = true
        for (index, element) in nodes.enumerated() {
            let inner = "\(path)[\(index)]"
            places[inner] = element.place
            guard let value = read(element, as: kind, orNull: false, at: inner) else {
                isSound = false
                continue
            }
            if distinct, values.contains(value) {
                report(element.place, field: inner, "stands in the list twice", remedy: "remove one of them")
                isSound = false
            }
            values.append(value)
        }
        return isSound ? .list(values) : nil
    }

    private func readScalar(_ text: String, quoted: Bool, as kind: Kind) -> SettingValue? {
        let scalar = quoted ? PlainScalar.text : PlainScalar(text)
        switch (kind, scalar) {
        case (.boolean, .boolean(let value)):
            return .boolean(value)
        case (.integer(let range), .integer(let value?)) where range.contains(value):
            return .integer(value)
        case (.number(let interval), .integer(let value?)) where interval.contains(Double(value)):
            return .number(Double(value))
        case (.number(let interval), .number(let value)) where value.isFinite && interval.contains(value):
            return .number(value)
        case (.text(let form), .text) where form.allows(text):
            return .text(text)
        case (.choice(let supported, _), _) where supported.contains(text):
            return .text(text)
        default:
            return nil
        }
    }

    /// Adds combinations that cannot work, each at the place of its key.
    mutating func report(_ violations: [Rule.Violation]) {
        errors += violations.map { places.error(at: $0.path, problem: $0.problem, remedy: $0.remedy) }
    }

    private mutating func reportMissing(_ key: Key, at path: String) {
        var problem = "missing; expected \(key.kind.expectation)"
        if case .section(let keys) = key.kind {
            let required = keys.filter(\.isRequired).map(\.name)
            problem = "missing; expected a section with at least \(required.joined(separator: ", "))"
        }
        errors.append(places.error(at: path, problem: problem, remedy: "add it: \(key.documentation)"))
    }

    private mutating func report(_ place: SourceNode.Place, field: String, _ problem: String, remedy: String? = nil) {
        errors.append(
            InputError(
                file: place.file, line: place.line, column: place.column, field: field, problem: problem, remedy: remedy
            ))
    }

    static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    private static func isSection(_ key: Key) -> Bool {
        if case .section = key.kind { true } else { false }
    }
}
