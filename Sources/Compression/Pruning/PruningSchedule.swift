import Files

/// How many units each round removes: equal shares of what is to go, with scoring and recovery between the rounds.
public struct PruningSchedule: Equatable, Sendable {
    /// Units at the start and at the end.
    public let total: Int
    public let kept: Int
    public let rounds: Int

    /// - Parameters:
    ///   - unitsPerLayer: heads, or neurons, of each layer at the start.
    ///   - keep: share of all units that stays, above 0 and up to 1; their number is rounded to the nearest.
    ///   - minimum: units that stay in every layer that has so many, at least 0.
    ///   - minimumName: what the recipe calls the minimum.
    ///   - field: the recipe's section that the numbers come from, such as `prune.heads`, for errors.
    /// - Throws: `InputErrors` for numbers out of range, `InputError` for a budget that the minimum does not allow.
    public init(
        unitsPerLayer: [Int], keep: Double, rounds: Int, minimum: Int, minimumName: String = "min_heads", field: String
    ) throws {
        var errors: [InputError] = []
        if !(keep > 0 && keep <= 1) {
            errors.append(
                InputError(field: field + ".keep", problem: "found \(keep), expected a share above 0 and up to 1"))
        }
        if !(1...1000).contains(rounds) {
            errors.append(InputError(field: field + ".rounds", problem: "found \(rounds), expected 1 to 1000"))
        }
        if !unitsPerLayer.allSatisfy((0...1 << 20).contains) {
            errors.append(
                InputError(field: field, problem: "found layers of \(unitsPerLayer), expected at least 0 in each"))
        }
        if minimum < 0 {
            errors.append(
                InputError(field: field + ".\(minimumName)", problem: "found \(minimum), expected at least 0"))
        }
        if !errors.isEmpty { throw InputErrors(errors) }
        total = unitsPerLayer.reduce(0, +)
        kept = Int((keep * Double(total)).rounded())
        self.rounds = rounds
        let needed = unitsPerLayer.reduce(0) { $0 + min($1, minimum) }
        guard kept >= needed else {
            throw InputError(
                field: field,
                problem: "keep \(keep) leaves \(kept) of \(total), but at least \(minimum) in each of "
                    + "\(unitsPerLayer.count) layers needs \(needed)",
                remedy: "raise keep to \(Self.percent(needed, of: total)) or more"
                    + (minimum > 0 ? ", or lower \(minimumName)" : ""))
        }
    }

    /// Units to remove in a round, counted from 1.
    public func removals(inRound round: Int) -> Int {
        precondition((1...rounds).contains(round), "PruningSchedule: round \(round) of \(rounds)")
        let removed = total - kept
        return removed * round / rounds - removed * (round - 1) / rounds
    }

    /// The smallest share in whole percent that leaves `count` units.
    private static func percent(_ count: Int, of total: Int) -> Double {
        Double((count * 100 + total - 1) / total) / 100
    }
}
