public import Tensors

/// Feature matching: F = Σ_rows ‖h_s − h_t‖² / (N · d_t), for hidden states of mapped layers (FitNets, arXiv 1412.6550).
///
/// h_s: [N, d_t] (already projected), h_t: [N, d_t]. ∂F/∂h_s = 2 (h_s − h_t) / (N · d_t).
private struct FeatureMSE: DifferentiableOperation {
    let student: GradientSlot
    let difference: Tensor
    let scale: Float

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(difference.scaled(by: 2 * scale * gradient.scalar), to: student)
    }
}

extension Tape {
    /// Mean squared difference of student: [N, d] and teacher: [N, d], summed over rows and divided by
    /// normalizer · d.
    ///
    /// - Parameter normalizer: the number of positions in the whole optimizer step (N).
    public func featureMSE(_ student: Variable, teacher: Tensor, normalizer: Int) -> Variable {
        precondition(student.shape == teacher.shape, "featureMSE: student \(student.shape), teacher \(teacher.shape)")
        let scale = 1 / (Float(normalizer) * Float(teacher.width))
        return Profile.measure(.loss) {
            let difference = student.value.subtracting(teacher)
            let loss = Tensor([Float(difference.sumOfSquares) * scale], shape: [1])
            return record(loss, from: student) {
                FeatureMSE(student: student.slot, difference: difference, scale: scale)
            }
        }
    }
}
