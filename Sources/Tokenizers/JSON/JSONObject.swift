import Files

/// The members of a small JSON object, each taken by its name; what nobody took is refused at the end.
struct JSONObject {
    let node: JSONNode
    private var members: [String: JSONNode] = [:]
    private var taken: Set<String> = []

    /// Settings never have more members than this.
    private static let maximumMembers = 1000

    init(_ node: JSONNode) throws {
        self.node = node
        var members: [String: JSONNode] = [:]
        try node.forEachMember { key, value in
            guard members.updateValue(value, forKey: key) == nil else { throw value.error("occurs twice") }
            guard members.count <= Self.maximumMembers else { throw node.error("has too many members") }
        }
        self.members = members
    }

    /// The value of a member, or nil when it is missing or null.
    mutating func optional(_ name: String) throws -> JSONNode? {
        taken.insert(name)
        guard let value = members[name], try !value.isNull else { return nil }
        return value
    }

    /// - Throws: `InputError` when the member is missing or null.
    mutating func required(_ name: String) throws -> JSONNode {
        if let value = try optional(name) { return value }
        throw node.error("has no `\(name)`")
    }

    /// Says that a member does not change which ids a text gets.
    mutating func ignore(_ name: String) { taken.insert(name) }

    mutating func boolean(_ name: String, default value: Bool? = nil) throws -> Bool {
        if let value, try optional(name) == nil { return value }
        return try required(name).boolean()
    }

    /// Refuses the members that nobody took.
    func finish() throws {
        guard let surplus = members.keys.filter({ !taken.contains($0) }).min(), let value = members[surplus] else {
            return
        }
        throw value.error("is not a setting that is known here", remedy: Self.unknown)
    }

    static let unknown = "what it asks for would be left out, and texts would get other ids; use another tokenizer"
}
