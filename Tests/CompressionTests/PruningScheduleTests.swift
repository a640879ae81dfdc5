import Compression
import Files
import Testing

@Suite("Pruning schedule")
struct PruningScheduleTests {
    @Test("Rounds remove equal shares that add up to the budget")
    func shares() throws {
        let schedule = try PruningSchedule(
            unitsPerLayer: [4, 4, 4], keep: 0.6, rounds: 3, minimum: 1, field: "prune.heads")
        #expect(schedule.total == 12 && schedule.kept == 7)
        let removals = (1...3).map(schedule.removals)
        #expect(removals.reduce(0, +) == 5 && removals.min()! >= 1 && removals.max()! <= 2)
        let long = try PruningSchedule(unitsPerLayer: [4], keep: 0.5, rounds: 7, minimum: 1, field: "prune.heads")
        #expect((1...7).map(long.removals).reduce(0, +) == 2)
        let all = try PruningSchedule(unitsPerLayer: [3], keep: 1, rounds: 2, minimum: 3, field: "prune.heads")
        #expect(all.removals(inRound: 1) == 0 && all.removals(inRound: 2) == 0)
    }

    @Test("A budget that the minimum per layer does not allow is refused with the numbers")
    func impossible() throws {
        let error = #expect(throws: InputError.self) {
            try PruningSchedule(unitsPerLayer: [4, 4, 4], keep: 0.4, rounds: 1, minimum: 2, field: "prune.heads")
        }
        #expect(error?.field == "prune.heads")
        #expect(error?.problem == "keep 0.4 leaves 5 of 12, but at least 2 in each of 3 layers needs 6")
        #expect(error?.remedy == "raise keep to 0.5 or more, or lower min_heads")
        // A layer that has fewer heads than the minimum keeps those it has.
        let small = try PruningSchedule(unitsPerLayer: [1, 4], keep: 0.6, rounds: 1, minimum: 2, field: "prune.heads")
        #expect(small.kept == 3)
    }

    @Test("Numbers out of range are refused, all at once")
    func range() {
        let error = #expect(throws: InputErrors.self) {
            try PruningSchedule(unitsPerLayer: [4, -1], keep: .nan, rounds: 0, minimum: -1, field: "prune.heads")
        }
        #expect(
            error?.errors.map(\.field) == [
                "prune.heads.keep", "prune.heads.rounds", "prune.heads", "prune.heads.min_heads",
            ])
    }

    @Test("The lowest scores of the whole model go first")
    func lowest() throws {
        let scores = [[0.9, 0.1, 0.5], [0.3, 0.2]]
        #expect(
            try LayerUnit.lowest(3, in: scores, keepingAtLeast: 1) == [
                LayerUnit(layer: 0, index: 1), LayerUnit(layer: 1, index: 1), LayerUnit(layer: 0, index: 2),
            ])
        #expect(try LayerUnit.lowest(0, in: scores, keepingAtLeast: 1).isEmpty)
    }

    @Test("A layer at its minimum is passed over")
    func minimum() throws {
        let chosen = try LayerUnit.lowest(2, in: [[0.1, 0.2, 0.3], [5, 6, 7]], keepingAtLeast: 2)
        #expect(chosen == [LayerUnit(layer: 0, index: 0), LayerUnit(layer: 1, index: 0)])
        let error = #expect(throws: InputError.self) {
            try LayerUnit.lowest(3, in: [[0.1, 0.2, 0.3], [5, 6, 7]], keepingAtLeast: 2)
        }
        #expect(error?.problem.contains("only 2 may go") == true)
    }

    @Test("Equal scores go in the order of layer and index")
    func ties() throws {
        let chosen = try LayerUnit.lowest(3, in: [[1, 1, 1], [1, 1, 0.5]], keepingAtLeast: 1)
        #expect(
            chosen == [LayerUnit(layer: 1, index: 2), LayerUnit(layer: 0, index: 0), LayerUnit(layer: 0, index: 1)])
    }
}
