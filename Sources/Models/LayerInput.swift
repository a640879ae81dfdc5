public import Tensors

/// Where a forward pass begins that does again what an earlier one did from some layer on.
public struct LayerInput {
    /// From 0.
    let layer: Int
    /// The hidden states of the same batch before it: [N, C].
    let hidden: Variable

    public init(layer: Int, hidden: Variable) {
        self.layer = layer
        self.hidden = hidden
    }
}
