public import Layers
public import Tensors

/// An objective that also holds weights near those that training begins with (L2-SP; Li, Grandvalet, Davoine 2018,
/// arXiv 1802.01483): L + α/2 · Σ‖w − w⁰‖², in the place of weight decay, which would pull them towards 0.
public final class AnchoredObjective: Objective {
    private let objective: any Objective
    private let held: [(parameter: Parameter, anchor: Tensor)]
    private let weight: Float

    /// - Parameters:
    ///   - held: the parameters that the penalty is about; their present values are w⁰.
    ///   - weight: α.
    public init(_ objective: any Objective, holding held: [Parameter], weight: Float) {
        self.objective = objective
        self.held = held.map { ($0, $0.value) }
        self.weight = weight
    }

    public var exampleCount: Int { objective.exampleCount }

    public func length(of example: Int) -> Int { objective.length(of: example) }

    public func prepare(_ examples: [Int]) {
        objective.prepare(examples)
    }

    public func loss(
        of examples: [Int], in scope: StepScope, on tape: Tape
    ) throws -> (loss: Variable, terms: [LossTerm]) {
        let (loss, terms) = try objective.loss(of: examples, in: scope, on: tape)
        // The penalty belongs to the step: each micro-batch has the share of its examples.
        let share = Float(examples.count) / Float(scope.examples)
        let distances = held.map { parameter, anchor in
            // The mean over the width, times the width: ‖w − w⁰‖².
            let distance = tape.featureMSE(parameter.on(tape), teacher: anchor, normalizer: 1)
            return (weight: share * Float(anchor.width) / 2, value: distance)
        }
        let penalty = tape.weightedSum(distances)
        return (
            tape.weightedSum([(1, loss), (weight, penalty)]),
            terms + [LossTerm(name: "l2_sp", value: penalty.value.scalar)]
        )
    }
}
