import Files
import Layers
import Tensors

/// A trainer's state under the names of its parameters, with what tells whether a run can go on from it.
public struct Checkpoint: Sendable {
    /// The training stage, such as `student`.
    public let stage: String
    /// Digest of what the stage depends on.
    public let inputs: String
    /// The resolved recipe that the trainer worked by.
    public let recipe: String
    /// Size of the metrics log when the checkpoint was written.
    public let metricsBytes: Int
    /// The parameters' names, in their order.
    public let names: [String]
    public let state: TrainerState

    /// The state of a trainer.
    public init(_ trainer: Trainer, stage: String, inputs: String, recipe: String, metricsBytes: Int) {
        self.init(
            stage: stage, inputs: inputs, recipe: recipe, metricsBytes: metricsBytes,
            names: trainer.optimizer.parameters.map(\.name), state: trainer.state)
    }

    init(stage: String, inputs: String, recipe: String, metricsBytes: Int, names: [String], state: TrainerState) {
        self.stage = stage
        self.inputs = inputs
        self.recipe = recipe
        self.metricsBytes = metricsBytes
        self.names = names
        self.state = state
    }

    /// Puts the state into a trainer over the same parameters.
    ///
    /// - Throws: `InputError` if the parameters are others, or the trainer keeps an average and the checkpoint has none.
    public func restore(_ trainer: Trainer) throws {
        let parameters = trainer.optimizer.parameters
        guard parameters.map(\.name) == names,
            zip(parameters, state.weights).allSatisfy({ $0.value.shape == $1.shape }),
            state.averages != nil || trainer.average == nil
        else {
            throw InputError(
                file: "checkpoint of \(stage)", problem: "it holds other parameters than the model to train",
                remedy: "remove the run's checkpoints folder to train this stage again")
        }
        trainer.restore(state)
    }
}
