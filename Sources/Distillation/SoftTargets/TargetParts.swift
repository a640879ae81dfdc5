/// How the rows of a recording are spread over its files: a function of the rows and the plan alone, so that every process
/// that works on the recording agrees.
struct TargetParts {
    /// The distinct rows, shorter ones first, so that the work per batch is even.
    let rows: [[Int32]]
    /// The rows of each part.
    let ranges: [Range<Int>]

    /// Positions of a part: a second or so of a small teacher's work, which is what a kill can cost.
    private static let positions = 16_384
    /// Parts that a recording has at most, roughly.
    private static let most = 1000

    init(_ sequences: [[Int32]]) {
        var seen: Set<[Int32]> = []
        let distinct = sequences.enumerated().filter { seen.insert($0.element).inserted }
        rows = distinct.sorted { ($0.element.count, $0.offset) < ($1.element.count, $1.offset) }.map(\.element)
        ranges = Self.runs(of: rows, positions: max(Self.positions, rows.reduce(0) { $0 + $1.count } / Self.most))
    }

    /// Neighbouring rows of at most so many positions together, or one row of more.
    static func runs(of rows: [[Int32]], positions limit: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var (start, positions) = (0, 0)
        for (index, row) in rows.enumerated() {
            if positions + row.count > limit, index > start {
                runs.append(start..<index)
                (start, positions) = (index, 0)
            }
            positions += row.count
        }
        if start < rows.count { runs.append(start..<rows.count) }
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
