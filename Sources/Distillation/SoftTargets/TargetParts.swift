/// How the rows of a recording are spread over its files: a function of the rows and the plan alone, so that every process
/// that works on the recording agrees.
struct TargetParts {
    /// The distinct rows by their numbers, shorter ones first, so that the work per batch is even.
    let order: [Int]
    /// The places in `order` of each part's rows.
    let ranges: [Range<Int>]
    private let rows: any TokenRows

    /// Positions of a part: some seconds of the teacher's work, which is what a kill can cost.
    ///
    /// - Parameter weights: of the teacher's products for one position.
    static func positions(weights: Int) -> Int { min(16_384, max(512, 200_000_000_000 / max(1, weights))) }
    /// Parts that a recording has at most, roughly.
    private static let most = 1000

    /// - Parameter positions: of a part, where there are not too many of them.
    /// - Throws: `InputError` where rows cannot be read.
    init(_ rows: any TokenRows, positions: Int) throws {
        self.rows = rows
        // Equal hashes alone prove nothing: the tokens decide.
        var seen: [UInt64: [Int]] = [:]
        var distinct: [Int] = []
        for row in 0..<rows.count {
            let tokens = try rows.tokens(row)
            let hash = TokenRow.hash(tokens)
            if try seen[hash]?.contains(where: { try rows.tokens($0) == tokens }) ?? false { continue }
            seen[hash, default: []].append(row)
            distinct.append(row)
        }
        order = distinct.sorted { (rows.length($0), $0) < (rows.length($1), $1) }
        let lengths = order.map { rows.length($0) }
        ranges = Self.runs(of: lengths, positions: max(positions, lengths.reduce(0, +) / Self.most))
    }

    /// The token rows of a part.
    func rows(ofPart part: Int) throws -> [[Int32]] {
        try rows.tokens(order[ranges[part]])
    }

    /// The lengths of a part's rows.
    func lengths(ofPart part: Int) -> [Int] {
        order[ranges[part]].map { rows.length($0) }
    }

    /// Neighbouring rows of at most so many positions together, or one row of more.
    static func runs(of lengths: [Int], positions limit: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var (start, positions) = (0, 0)
        for (index, length) in lengths.enumerated() {
            if positions + length > limit, index > start {
                runs.append(start..<index)
                (start, positions) = (index, 0)
            }
            positions += length
        }
        if start < lengths.count { runs.append(start..<lengths.count) }
        return runs
    }
}

/// One machine's share of a recording: every n-th part.
public struct TargetShard: Equatable, Sendable {
    /// From 0.
    public let index: Int
    public let count: Int

    public static let whole = TargetShard(index: 0, of: 1)

    public init(index: Int, of count: Int) {
        precondition(count > 0 && (0..<count).contains(index), "shard \(index) of \(count)")
        self.index = index
        self.count = count
    }

    func holds(part: Int) -> Bool { part % count == index }
}
