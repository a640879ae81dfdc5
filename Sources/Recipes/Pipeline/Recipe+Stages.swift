extension Recipe {
    /// A part of the student's training with nothing left open.
    struct ResolvedPart {
        var epochs: Int
        var learningRate: Double
        var loss: Loss
    }

    /// The stages of the student's training in their order.
    var trainingParts: [ResolvedPart] {
        guard !train.stages.isEmpty else { return [wholeTraining] }
        return train.stages.map {
            ResolvedPart(
                epochs: $0.epochs, learningRate: $0.learningRate ?? train.learningRate, loss: $0.loss ?? loss)
        }
    }

    /// One part that is as long as all stages together.
    var wholeTraining: ResolvedPart {
        let epochs = train.stages.isEmpty ? train.epochs : train.stages.reduce(0) { $0 + $1.epochs }
        return ResolvedPart(epochs: epochs, learningRate: train.learningRate, loss: loss)
    }
}
