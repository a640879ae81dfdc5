/// What is wrong with something that came from outside: a file, a recipe, a person.
///
/// Says what, where, and what to do. Prints as `file:line:column: field: problem. Remedy.`
public struct InputError: Error, Equatable, Sendable {
    /// The file (or other source, such as `command line`) that holds the problem.
    public var file: String?
    /// Line in `file`, counted from 1.
    public var line: Int?
    /// Column in that line, counted from 1.
    public var column: Int?
    /// The key, tensor, column or option concerned.
    public var field: String?
    /// What was found, and what was expected.
    public var problem: String
    /// What the person can do.
    public var remedy: String?

    public init(
        file: String? = nil, line: Int? = nil, column: Int? = nil, field: String? = nil, problem: String,
        remedy: String? = nil
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        self.problem = problem
        self.remedy = remedy
    }
}

extension InputError: CustomStringConvertible {
    public var description: String {
        var place = file?.printable(keepsLines: false) ?? ""
        if let line { place += ":\(line)" }
        if let column, line != nil { place += ":\(column)" }
        let parts = [place, field?.printable(keepsLines: false) ?? "", problem].filter { !$0.isEmpty }
        return parts.joined(separator: ": ") + (remedy.map { "\n  → \($0)" } ?? "")
    }
}

/// Several problems at once, so that a person can mend them all before the next try.
public struct InputErrors: Error, Equatable, Sendable, CustomStringConvertible {
    public var errors: [InputError]

    public init(_ errors: [InputError]) {
        self.errors = errors
    }

    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
