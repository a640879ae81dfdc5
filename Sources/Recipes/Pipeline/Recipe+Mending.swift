extension Recipe {
    /// The same recipe without what may be mended after a training diverged: two recipes that are equal in this can go on from
    /// each other's checkpoints.
    var unmended: Recipe {
        var recipe = self
        let usual = Train()
        recipe.train.learningRate = usual.learningRate
        recipe.train.clip = usual.clip
        recipe.train.maxSkipped = usual.maxSkipped
        recipe.train.precision = usual.precision
        for index in recipe.train.stages.indices { recipe.train.stages[index].learningRate = nil }
        recipe.adapt?.learningRate = Adapt().learningRate
        recipe.teacher.train?.learningRate = TeacherTraining().learningRate
        recipe.teacher.fineTune?.learningRate = FineTuning().learningRate
        return recipe
    }
}
