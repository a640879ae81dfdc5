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

        init(seed: UInt64 = 1, width: Int = 16) throws {
            objective = try DistillationObjective(
                student: SmallModel.encoder(width: width, dropout: 0.2, seed: seed), data: SmallModel.examples(10),
                targets: LiveTeacher(teacher: SmallModel.encoder(width: 20, layers: 3, seed: 8)),
                weights: LossWeights(
                    crossEntropy: 0.3, kl: 0.5, temperature: 2, temperatureSquared: true, features: 0.7,
                    featurePairs: [(1, 1), (2, 3)]),
                key: RandomKey(seed))
            trainer = Trainer(
                parameters: objective.parameters, objective: objective,
                options: TrainingOptions(
                    totalSteps: 9, batch: 4, microBatch: 3, learningRate: 0.01, decay: .cosine, warmUp: 0.2, clip: 1,
                    weightDecay: 0.1, seed: 77))
        }

        /// Weights and moments.
        var state: [[Float]] {
            SmallModel.weights(objective) + trainer.optimizer.firstMoments.map(\.values)
                + trainer.optimizer.secondMoments.map(\.values)
        }

        @discardableResult
        func take(_ steps: Int) throws -> [Float] {
            try (0..<steps).map { _ in try trainer.takeStep().loss }
        }

        func checkpoint(inputs: String = "abc") -> Checkpoint {
            Checkpoint(trainer, stage: "student", inputs: inputs, metricsBytes: 1234)
        }
    }

    private func store(_ directory: URL, inputs: String = "abc", keep: Int = 3) -> CheckpointStore {
        CheckpointStore(directory: directory, stage: "student", inputs: inputs, keep: keep)
    }

    private func names(_ directory: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    }

    @Test("let a trainer go on to the same bytes from any step", arguments: [0, 2, 3, 5, 8])
    func goesOn(_ split: Int) throws {
        let whole = try Run()
        let losses = try whole.take(9)
        let first = try Run()
        try first.take(split)
        try withDirectory { directory in
            try store(directory).save(first.checkpoint())
            // Another seed: everything that matters must come from the file.
            let second = try Run(seed: 5)
            let checkpoint = try #require(try store(directory).newest { Issue.record("\($0)") })
            #expect(checkpoint.step == split && checkpoint.optimizerStep == split)
            #expect(checkpoint.stage == "student" && checkpoint.metricsBytes == 1234)
            try checkpoint.restore(second.trainer)
            #expect(second.state == first.state)
            #expect(try second.take(9 - split) == Array(losses[split...]))
            #expect(second.state == whole.state)
            #expect(second.trainer.isFinished)
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
                #expect(found?.step == run.trainer.step - 1, "\(damage)")
                #expect(rejected.count == 1 && rejected[0].contains(newest.lastPathComponent), "\(damage)")
                // It is kept aside, and the run may be damaged at the same step again.
                #expect(try names(directory).contains(newest.lastPathComponent + ".damaged"), "\(damage)")
                try Data("damaged again".utf8).write(to: newest)
                #expect(try store(directory).newest { _ in }?.step == run.trainer.step - 1, "\(damage)")
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
            #expect(try store(directory).newest { Issue.record("\($0)") }?.step == 1)
        }
    }

    @Test("that declare impossible counts or shapes are refused, not trusted")
    func hostile() throws {
        let ones = Digest.sha256([Float](repeating: 1, count: 2).withUnsafeBufferPointer { Data(buffer: $0) })
        func write(_ url: URL, step: Int64 = 1, moment: [Int] = [2], weight: Float = 1) throws {
            try HDF5File.create(at: url) { file in
                try file.setAttribute("format", to: .string("retort checkpoint 1"))
                try file.setAttribute("stage", to: .string("student"))
                try file.setAttribute("inputs", to: .string("abc"))
                try file.setAttribute("step", to: .integer(step))
                try file.setAttribute("optimizer_step", to: .integer(step))
                try file.setAttribute("metrics_bytes", to: .integer(0))
                try file.setAttribute("sha256", to: .string(Digest.sha256(ones + ones + ones)))
                try file.write(Array("w".utf8), shape: [1], to: "parameters")
                try file.write([weight, 1], shape: [2], to: "weights/w")
                try file.write([Float](repeating: 1, count: moment[0]), shape: moment, to: "m/w")
                try file.write([Float](repeating: 1, count: 2), shape: [2], to: "v/w")
            }
        }
        try withDirectory { directory in
            let url = directory.appendingPathComponent("student-step-00000001.h5")
            func rejection() throws -> String? {
                var rejected: String?
                #expect(try store(directory).newest { rejected = $0 } == nil)
                return rejected
            }
            try write(url, step: -1)
            #expect(try rejection()?.contains("negative") == true)
            try write(url, moment: [3])
            #expect(try rejection()?.contains("m/w") == true)
            try write(url, weight: 1.5)
            #expect(try rejection()?.contains("not those that were written") == true)
            try write(url)
            let checkpoint = try #require(try store(directory).newest { Issue.record("\($0)") })
            // Whole, but of another model.
            let error = try #require(throws: InputError.self) { try checkpoint.restore(Run().trainer) }
            #expect(error.problem.contains("other parameters"))
        }
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
