import Distillation
import Layers
import Models
import Tensors
import Testing

@Suite("Holding weights near those that training began with (L2-SP)")
struct AnchoredObjectiveTests {
    private let data = SmallModel.examples(8)

    private func plain(_ student: Encoder) throws -> DistillationObjective {
        try DistillationObjective(student: student, data: data, targets: nil, weights: .labelsOnly, key: RandomKey(6))
    }

    private func held(_ student: Encoder) -> [Parameter] {
        let head = Set(student.headParameters.map(\.name))
        return student.parameters.filter { !head.contains($0.name) }
    }

    /// Moves every weight by something of its own.
    private func move(_ student: Encoder) {
        for (index, parameter) in student.parameters.enumerated() {
            let step = Float(index + 1) * 0.01
            parameter.value.add(
                Tensor((0..<parameter.value.count).map { step * Float($0 % 5 - 2) }, shape: parameter.value.shape))
        }
    }

    private func gradients(
        _ objective: any Objective, of student: Encoder, microBatch: Int
    ) throws -> (loss: Float, terms: [[LossTerm]], gradients: [[Float]]) {
        for parameter in student.parameters { parameter.gradient.clear() }
        let scope = StepScope(lengths: data.sequences.map(\.count), dropout: nil)
        var (loss, terms): (Float, [[LossTerm]]) = (0, [])
        for start in stride(from: 0, to: 8, by: microBatch) {
            let tape = Tape()
            let result = try objective.loss(of: Array(start..<min(start + microBatch, 8)), in: scope, on: tape)
            loss += result.loss.value.scalar
            terms.append(result.terms)
            tape.backward(from: result.loss)
        }
        return (loss, terms, student.parameters.map(\.gradient.value.values))
    }

    @Test("adds α/2 · ‖w − w⁰‖² to the loss and α(w − w⁰) to the gradient, once per step", arguments: [1, 3, 8])
    func closedForm(_ microBatch: Int) throws {
        let student = SmallModel.encoder()
        let start = SmallModel.weights(student)
        let alpha: Float = 0.7
        let objective = try AnchoredObjective(plain(student), holding: held(student), weight: alpha)
        move(student)
        let without = try gradients(plain(student), of: student, microBatch: microBatch)
        let with = try gradients(objective, of: student, microBatch: microBatch)
        let names = Set(held(student).map(\.name))
        var distance = 0.0
        for (index, parameter) in student.parameters.enumerated() {
            let difference = zip(parameter.value.values, start[index]).map { $0 - $1 }
            let isHeld = names.contains(parameter.name)
            if isHeld { distance += difference.reduce(0.0) { $0 + Double($1 * $1) } }
            let expected = zip(without.gradients[index], difference).map { isHeld ? $0 + alpha * $1 : $0 }
            let error = largestDifference(with.gradients[index], expected)
            #expect(error < 1e-5 * max(1, largestMagnitude(expected)), "\(parameter.name)")
        }
        let penalty = Double(alpha) / 2 * distance
        #expect(abs(Double(with.loss - without.loss) - penalty) < 1e-4 * penalty)
        let logged = with.terms.compactMap { $0.last }
        #expect(logged.allSatisfy { $0.name == "l2_sp" })
        #expect(abs(Double(logged.reduce(0) { $0 + $1.value }) - distance / 2) < 1e-4 * distance)
    }

    @Test("has the gradient that central differences of its penalty give")
    func centralDifferences() {
        let start = [0.3, -0.2, 0.9]
        let alpha = 1.3
        let found = Reference.centralDifferences(at: [0.5, 0.1, -0.4]) { w in
            alpha / 2 * zip(w, start).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        #expect(zip(found, [0.26, 0.39, -1.69]).allSatisfy { abs($0 - $1) < 1e-8 })
    }

    /// How far training moved the held weights: √Σ‖w − w⁰‖².
    private func moved(alpha: Float, anchored: Bool = true) throws -> Double {
        let student = SmallModel.encoder()
        let start = held(student).map(\.value.values)
        let objective: any Objective =
            anchored ? AnchoredObjective(try plain(student), holding: held(student), weight: alpha) : try plain(student)
        let trainer = Trainer(
            parameters: student.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: 60, batch: 4, microBatch: 2, learningRate: 0.003, decay: .linear, warmUp: 0, clip: 0,
                weightDecay: 0, seed: 1))
        while !trainer.isFinished { _ = try trainer.takeStep() }
        return zip(held(student), start).reduce(0) { sum, pair in
            sum + zip(pair.0.value.values, pair.1).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        }.squareRoot()
    }

    @Test("keeps the model where it was with a large weight, and is plain fine-tuning with none")
    func extremes() throws {
        let (plain, none, large) = (
            try moved(alpha: 0, anchored: false), try moved(alpha: 0), try moved(alpha: 1000)
        )
        #expect(plain == none)
        #expect(large < 0.2 * plain && large > 0, "\(large) against \(plain)")
        #expect(try moved(alpha: 0.1) < plain)
    }
}
