public import Files

/// Where each key of a recipe was written, so that a later check (a missing file, an unknown label) can point there.
public struct RecipePlaces: Sendable {
    /// A place in the recipe's file, or `command line` without line and column for an override.
    public struct Place: Equatable, Sendable {
        public var file: String
        /// Counted from 1.
        public var line: Int?
        /// Counted from 1, in Unicode scalars.
        public var column: Int?
    }

    /// The recipe's own file, as it was named.
    public let file: String
    private var places: [String: Place] = [:]

    init(file: String) {
        self.file = file
    }

    /// The place of a value such as `data.train` or `loss.features.pairs[0]`; nil when the recipe leaves it at its
    /// default.
    public internal(set) subscript(path: String) -> Place? {
        get { places[path] }
        set { places[path] = newValue }
    }

    /// An error about the value at `path`. When the recipe does not write that key, the place is that of the nearest
    /// section around it that it does write, or the file as a whole.
    public func error(at path: String, problem: String, remedy: String? = nil) -> InputError {
        var written = Substring(path)
        while places[String(written)] == nil, let end = written.lastIndex(where: { $0 == "." || $0 == "[" }) {
            written = written[..<end]
        }
        let place = places[String(written)] ?? Place(file: file)
        return InputError(
            file: place.file, line: place.line, column: place.column, field: path, problem: problem, remedy: remedy)
    }
}
