/// The candidate that a mistyped name most likely meant, or nil when none is close.
///
/// Compares without regard to case, by the optimal-string-alignment form of the Damerau–Levenshtein distance (an
/// insertion, deletion, substitution or swap of neighbours costs 1). A candidate is close when at most a third of the
/// longer name differs (for short names: one character). Of equally close candidates the first is returned.
public func nearestName(to name: String, among candidates: [String]) -> String? {
    let typed = Array(name.lowercased())
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let known = Array(candidate.lowercased())
        let allowed = min(max(1, max(typed.count, known.count) / 3), best.map { $0.distance - 1 } ?? .max)
        // The difference in length is a lower bound of the distance, and spares the table for hopeless pairs.
        guard allowed >= 0, abs(typed.count - known.count) <= allowed else { continue }
        let distance = alignmentDistance(typed, known)
        if distance <= allowed, distance < max(typed.count, known.count) {
            best = (candidate, distance)
        }
    }
    return best?.name
}

/// Edits that turn `a` into `b`, where no part is edited twice. Time O(|a|·|b|), memory O(|b|).
private func alignmentDistance(_ a: [Character], _ b: [Character]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in 1...a.count {
        var row = [i]
        row.reserveCapacity(b.count + 1)
        for j in 1...b.count {
            let substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
            var cost = min(previous[j] + 1, row[j - 1] + 1, substitution)
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                cost = min(cost, beforePrevious[j - 2] + 1)
            }
            row.append(cost)
        }
        (beforePrevious, previous) = (previous, row)
    }
    return previous[b.count]
}
