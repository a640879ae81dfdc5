import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Checkpoints")
struct CheckpointTests {
    /// A trainer in the middle of nothing: dropout, projected features and micro-batches are on.
    private final class Run {
        let objective: DistillationObjective
        let trainer: Trainer

        /// - Parameter watched: whether the weights are averaged and validation rows asked.
        init(seed: UInt64 = 1, width: Int = 16, watched: Bool = false) throws {
            let student = SmallModel.encoder(width: width, dropout: 0.2, seed: seed)
            objective = try DistillationObjective(
                student: student, data: SmallModel.examples(10),
                targets: LiveTeacher(teacher: SmallModel.encoder(width: 20, layers: 3, seed: 8)),
                weights: LossWeights(
                    crossEntropy: 0.3, kl: 0.5, temperature: 2, temperatureSquared: true, features: 0.7,
                    featurePairs: [(1, 1), (2, 3)]),
                key: RandomKey(seed))
            let held = SmallModel.examples(30, seed: 99)
            let validation = Validation(
                stopping: EarlyStopping(metric: .loss, every: 2, patience: 3, minimumDelta: 0),
                measure: {
                    ValidationValues(logits: SmallModel.logits(student, held.sequences), labels: held.labels)
                })
            trainer = Trainer(
                parameters: objective.parameters, objective: objective,
                options: TrainingOptions(
                    totalSteps: 9, batch: 4, microBatch: 3, learningRate: 0.01, decay: .cosine, warmUp: 0.2, clip: 1,
                    weightDecay: 0.1, seed: 77, averageDecay: watched ? 0.9 : nil),
                validation: watched ? validation : nil)
        }

        /// Weights and moments, averages and best weights.
        var state: [[Float]] {
            SmallModel.weights(objective) + trainer.optimizer.firstMoments.map(\.values)
                + trainer.optimizer.secondMoments.map(\.values) + (trainer.average?.values ?? []).map(\.values)
                + (trainer.best?.weights ?? []).map(\.values)
        }

        @discardableResult
        func take(_ steps: Int) throws -> [Float] {
            try (0..<steps).map { _ in try trainer.takeStep().loss }
        }

        func checkpoint(inputs: String = "abc") -> Checkpoint {
            Checkpoint(
                trainer, stage: "student", inputs: inputs, recipe: "seed: 1\n", metricsBytes: 1234)
        }
    }

    private func store(_ directory: URL, inputs: String = "abc", keep: Int = 3) -> CheckpointStore {
        CheckpointStore(directory: directory, stage: "student", inputs: inputs, keep: keep)
    }

    private func names(_ directory: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    }

    @Test("let a trainer go on to the same bytes from any step", arguments: [0, 2, 3, 5, 8], [false, true])
    func goesOn(_ split: Int, watched: Bool) throws {
        let whole = try Run(watched: watched)
        let losses = try whole.take(9)
        let first = try Run(watched: watched)
        try first.take(split)
        try withDirectory { directory in
            try store(directory).save(first.checkpoint())
            // Another seed: everything that matters must come from the file.
            let second = try Run(seed: 5, watched: watched)
            let checkpoint = try #require(try store(directory).newest { Issue.record("\($0)") })
            #expect(checkpoint.state.step == split && checkpoint.state.optimizerStep == split)
            #expect(checkpoint.stage == "student" && checkpoint.metricsBytes == 1234)
            #expect(checkpoint.recipe == "seed: 1\n")
            #expect((checkpoint.state.best != nil) == (watched && split >= 2))
            try checkpoint.restore(second.trainer)
            #expect(second.state == first.state)
            #expect(try second.take(9 - split) == Array(losses[split...]))
            #expect(second.state == whole.state)
            #expect(second.trainer.isFinished)
            #expect(second.trainer.best?.value == whole.trainer.best?.value)
            #expect(second.trainer.state.misses == whole.trainer.state.misses)
        }
    }

    @Test("do not change when the trainer goes on after they were taken")
    func values() throws {
        let run = try Run()
        try run.take(2)
        let (state, checkpoint) = (run.state, run.checkpoint())
        try run.take(3)
        #expect(run.state != state)
        try checkpoint.restore(run.trainer)
        #expect(run.state == state && run.trainer.step == 2)
    }

    @Test("are the same bytes when written, read and written again")
    func sameBytes() throws {
        let run = try Run()
        try run.take(3)
        try withDirectory { directory in
            let (once, again) = (directory.appendingPathComponent("a"), directory.appendingPathComponent("b"))
            try store(once).save(run.checkpoint())
            let read = try #require(try store(once).newest { Issue.record("\($0)") })
            try store(again).save(read)
            let file = "student-step-00000003.h5"
            #expect(try names(once) == [file])
            #expect(
                try Data(contentsOf: once.appendingPathComponent(file))
                    == Data(contentsOf: again.appendingPathComponent(file)))
        }
    }

    @Test("fall back to the one before when the newest is damaged, and say so")
    func damaged() throws {
        let run = try Run()
        for damage in ["cut", "empty", "text", "NaN"] {
            try withDirectory { directory in
                try store(directory).save(run.checkpoint())
                try run.take(1)
                try store(directory).save(run.checkpoint())
                let newest = directory.appendingPathComponent(try #require(names(directory).last))
                let bytes = try Data(contentsOf: newest)
                switch damage {
                case "cut": try bytes.prefix(bytes.count / 2).write(to: newest)
                case "empty": try Data().write(to: newest)
                case "text": try Data("not a checkpoint".utf8).write(to: newest)
                default:
                    let parameter = run.objective.parameters[3]
                    let whole = parameter.value
                    parameter.value = Tensor(repeating: .nan, shape: whole.shape)
                    try store(directory).save(run.checkpoint())
                    parameter.value = whole
                }
                var rejected: [String] = []
                let found = try store(directory).newest { rejected.append($0) }
                #expect(found?.state.step == run.trainer.step - 1, "\(damage)")
                #expect(rejected.count == 1 && rejected[0].contains(newest.lastPathComponent), "\(damage)")
                // It is kept aside, and the run may be damaged at the same step again.
                #expect(try names(directory).contains(newest.lastPathComponent + ".damaged"), "\(damage)")
                try Data("damaged again".utf8).write(to: newest)
                #expect(try store(directory).newest { _ in }?.state.step == run.trainer.step - 1, "\(damage)")
            }
        }
    }

    @Test("from other inputs are not used, and said to be so")
    func otherInputs() throws {
        let run = try Run()
        try withDirectory { directory in
            try store(directory).save(run.checkpoint(inputs: "other"))
            var rejected: [String] = []
            #expect(try store(directory).newest { rejected.append($0) } == nil)
            #expect(rejected.count == 1 && rejected[0].contains("other inputs"))
            #expect(try names(directory).isEmpty, "it would push newer ones with fewer steps out")
            try run.take(1)
            try store(directory).save(run.checkpoint(inputs: "abc"))
            #expect(try store(directory).newest { Issue.record("\($0)") }?.state.step == 1)
        }
    }

    @Test("that say anything else than what was written are refused", arguments: [false, true])
    func hostile(watched: Bool) throws {
        let run = try Run(watched: watched)
        try run.take(3)
        /// What is said against a checkpoint whose file was changed by `change`.
        func rejection(_ change: (HDF5Copy) throws -> Void) throws -> String? {
            try withDirectory { directory in
                try store(directory).save(run.checkpoint())
                let url = directory.appendingPathComponent("student-step-00000003.h5")
                try HDF5Copy.rewrite(url, change)
                var rejected: String?
                #expect(try store(directory).newest { rejected = $0 } == nil)
                return rejected
            }
        }
        let name = run.objective.parameters[3].name
        #expect(try rejection { $0.attributes["step"] = .integer(-1) }?.contains("negative") == true)
        #expect(try rejection { $0.attributes["format"] = .string("other") }?.contains("other") == true)
        #expect(try rejection { $0.floats["m/\(name)"]?.shape = [1] }?.contains("m/\(name)") == true)
        #expect(try rejection { $0.floats["v/\(name)"] = nil }?.contains("v/\(name)") == true)
        for counter in ["step", "optimizer_step", "misses", "metrics_bytes"] + (watched ? ["best_step"] : []) {
            let found = try rejection { $0.attributes[counter] = .integer(7) }
            #expect(found?.contains("not what was written") == true, "\(counter)")
        }
        for group in ["weights", "m", "v"] + (watched ? ["average", "best"] : []) {
            let found = try rejection { $0.floats["\(group)/\(name)"]?.values[0] += 1 }
            #expect(found?.contains("not what was written") == true, "\(group)")
        }
        #expect(try rejection { $0.bytes["recipe"] = Array("seed: 2\n".utf8) }?.contains("not what was") == true)
        if watched {
            #expect(try rejection { $0.attributes["best_value"] = .number(-1) }?.contains("not what was") == true)
            #expect(try rejection { $0.attributes["best_value"] = nil }?.contains("best_value") == true)
        }
    }

    @Test("without an average do not go into a trainer that keeps one, nor those of other parameters into any")
    func otherTrainer() throws {
        let plain = try Run().checkpoint()
        #expect(throws: InputError.self) { try plain.restore(Run(watched: true).trainer) }
        let lone = Parameter(name: "w", value: Tensor([1], shape: [1]), decays: true)
        let run = try Run()
        let other = Trainer(parameters: [lone], objective: run.objective, options: run.trainer.options)
        let error = try #require(throws: InputError.self) { try plain.restore(other) }
        #expect(error.problem.contains("other parameters"))
    }

    @Test("of a model of other sizes are refused")
    func otherModel() throws {
        let checkpoint = try Run().checkpoint()
        let wider = try Run(width: 18)
        let before = wider.state
        #expect(throws: InputError.self) { try checkpoint.restore(wider.trainer) }
        #expect(wider.state == before)
    }

    @Test("stay as many as asked for, the newest ones, and only those of the stage")
    func keep() throws {
        let run = try Run()
        try withDirectory { directory in
            try Data().write(to: directory.appendingPathComponent("teacher-step-00000001.h5"))
            for _ in 0..<4 {
                try run.take(1)
                try store(directory, keep: 2).save(run.checkpoint())
            }
            #expect(
                try names(directory) == [
                    "student-step-00000003.h5", "student-step-00000004.h5", "teacher-step-00000001.h5",
                ])
        }
    }
}
