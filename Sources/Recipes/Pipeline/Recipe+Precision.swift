import Tensors

extension Recipe {
    /// The precision of training's matrix products on this machine.
    var trainingPrecision: Precision {
        switch train.precision {
        case .auto: .fastest
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }

    /// The same recipe with `auto` replaced by this machine's choice, so that a resumed run goes on in it.
    func choosingPrecision() -> Recipe {
        var recipe = self
        recipe.train.precision = trainingPrecision == .bfloat16 ? .bfloat16 : .float32
        return recipe
    }
}
