/// Adds up the probability of tokens by their text.
public struct TokenTally: Sendable {
    public struct Entry: Codable, Equatable, Sendable {
        public var token: String
        public var rows: Int
        /// Sum over all rows.
        public var mass: Double
    }

    /// Distinct texts that are told apart: hostile answers must not fill the memory.
    private static let limit = 20_000

    private var entries: [[UInt8]: (rows: Int, mass: Double)] = [:]

    mutating func add(_ text: String, _ mass: Double) {
        let key = Array(text.utf8)
        guard entries[key] != nil || entries.count < Self.limit else { return }
        entries[key, default: (0, 0)].rows += 1
        entries[key, default: (0, 0)].mass += mass
    }

    /// By falling mass, equal ones by their bytes.
    func largest(_ count: Int) -> [Entry] {
        entries.sorted { ($1.value.mass, $0.key) < ($0.value.mass, $1.key) }.prefix(count).map {
            Entry(token: String(decoding: $0.key, as: UTF8.self), rows: $0.value.rows, mass: $0.value.mass)
        }
    }
}

private func < (a: (Double, [UInt8]), b: (Double, [UInt8])) -> Bool {
    a.0 != b.0 ? a.0 < b.0 : a.1.lexicographicallyPrecedes(b.1)
}
