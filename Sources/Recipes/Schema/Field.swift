/// A key of the recipe format without its Swift type: what validation, the JSON Schema and the reference page read.
struct Key: Sendable {
    let name: String
    let kind: Kind
    let presence: Presence
    let acceptsNull: Bool
    /// What holds when the key is absent; meaningless for required keys.
    let defaultValue: SettingValue
    let documentation: String

    /// Whether leaving the key out is an error, because it or a key inside it has no default.
    var isRequired: Bool {
        switch presence {
        case .required: true
        case .sameAs: false
        case .defaulted:
            if case .section(let keys) = kind, defaultValue != .null {
                keys.contains(where: \.isRequired)
            } else {
                false
            }
        }
    }
}

/// What happens when a key is absent.
enum Presence: Sendable {
    case required
    /// The value that the Swift property has initially.
    case defaulted
    /// The value of another key of the same section, which stands before this one.
    case sameAs(String)
}

/// A section of a recipe: a struct whose properties are keys, described once in `fields`.
protocol Section: SettingConvertible {
    /// Every key at its default; required keys hold a placeholder that reading replaces.
    init()
    /// The keys in the order in which a recipe is written.
    static var fields: [Field<Self>] { get }
}

extension Section {
    static var keys: [Key] { fields.map(\.key) }

    init?(setting: SettingValue) {
        guard case .map(let entries) = setting else { return nil }
        self.init()
        let values = Dictionary(entries.map { ($0.name, $0.value) }) { first, _ in first }
        for field in Self.fields {
            if let value = values[field.key.name] {
                field.set(&self, value)
            }
        }
    }

    var setting: SettingValue {
        .map(Self.fields.map { .init(name: $0.key.name, value: $0.get(self)) })
    }
}

/// One key of a section together with the Swift property that holds its value.
struct Field<Owner: Section>: Sendable {
    let key: Key
    let get: @Sendable (Owner) -> SettingValue
    let set: @Sendable (inout Owner, SettingValue) -> Void

    /// For a property whose form in the recipe is not that of its type.
    init(
        key: Key, get: @escaping @Sendable (Owner) -> SettingValue,
        set: @escaping @Sendable (inout Owner, SettingValue) -> Void
    ) {
        self.key = key
        self.get = get
        self.set = set
    }

    init<Property: SettingConvertible>(
        _ name: String, _ path: any WritableKeyPath<Owner, Property> & Sendable, _ kind: Kind,
        presence: Presence = .defaulted, _ documentation: String
    ) {
        key = Key(
            name: name, kind: kind, presence: presence, acceptsNull: Property.acceptsNull,
            defaultValue: Owner()[keyPath: path].setting, documentation: documentation)
        get = { $0[keyPath: path].setting }
        set = { owner, value in
            if let property = Property(setting: value) {
                owner[keyPath: path] = property
            }
        }
    }

    init<Choice: SettingChoice>(
        _ name: String, _ path: any WritableKeyPath<Owner, Choice> & Sendable, presence: Presence = .defaulted,
        _ documentation: String
    ) {
        self.init(name, path, .choice(Choice.self), presence: presence, documentation)
    }

    init<Inner: Section>(
        section name: String, _ path: any WritableKeyPath<Owner, Inner> & Sendable, _ documentation: String
    ) {
        self.init(name, path, .section(Inner.keys), documentation)
    }

    init<Inner: Section>(
        optionalSection name: String, _ path: any WritableKeyPath<Owner, Inner?> & Sendable, _ documentation: String
    ) {
        self.init(name, path, .section(Inner.keys), documentation)
    }
}
