/// Token sequences, none empty, which need not lie in memory.
public protocol TokenRows: Sendable {
    var count: Int { get }
    /// The tokens of a row; cheap.
    func length(_ row: Int) -> Int
    /// - Throws: `InputError` where they cannot be read.
    func tokens(_ row: Int) throws -> [Int32]
}

extension TokenRows {
    /// Of all rows.
    public var tokenCount: Int { (0..<count).reduce(0) { $0 + length($1) } }

    /// Some rows, in the order asked for.
    public func tokens(_ rows: some Sequence<Int>) throws -> [[Int32]] {
        try rows.map { try tokens($0) }
    }
}

/// Sequences in memory.
extension [[Int32]]: TokenRows {
    public func length(_ row: Int) -> Int { self[row].count }
    public func tokens(_ row: Int) -> [Int32] { self[row] }
}
