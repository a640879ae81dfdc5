/// The rows of data that questions were made of, in their order.
public struct AnswerRows: Sendable {
    public let texts: [String]
    /// Names of the rows; nil where the data has none.
    public let ids: [String]?
    /// Where each row stands.
    public let places: [(file: String, line: Int)]

    public init(texts: [String], ids: [String]?, places: [(file: String, line: Int)]) {
        precondition(
            places.count == texts.count && ids?.count ?? texts.count == texts.count,
            "\(texts.count) texts, \(ids?.count ?? 0) ids, \(places.count) places")
        self.texts = texts
        self.ids = ids
        self.places = places
    }

    public var count: Int { texts.count }
}
