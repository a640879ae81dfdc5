public import Tensors

extension Tape {
    /// Mean squared difference of the attention scores before softmax, S = Q · Kᵀ / √D, of student and teacher, head by
    /// head and over the pairs of positions of one sequence alone (TinyBERT, Jiao et al. 2020, arXiv 1909.10351):
    /// Σ (S_s − S_t)² / (H · pairs), with ∂/∂S_s = 2 (S_s − S_t) / (H · pairs).
    ///
    /// - Parameters:
    ///   - queries: the student's, [N, H · D], and `keys` likewise.
    ///   - teacher: [N, H · D′] each, with as many heads.
    ///   - pairs: Σ T² over the sequences of the whole optimizer step.
    public func attentionMaps(
        queries: Variable, keys: Variable, teacher: (queries: Tensor, keys: Tensor), heads: Int,
        offsets: SequenceOffsets, pairs: Int
    ) -> Variable {
        let scale = 1 / (Float(heads) * Float(pairs))
        return scoreLoss(
            queries, keys, teacher: (teacher.queries, teacher.keys), heads: heads, offsets: offsets
        ) { student, teacher in
            for i in student.indices { student[i] -= teacher[i] }
            let sum = student.dot(student)
            for i in student.indices { student[i] *= 2 * scale }
            return Double(scale) * sum
        }
    }
}
