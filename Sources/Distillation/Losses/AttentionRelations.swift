import Foundation
public import Tensors

/// One row of MiniLMv2's relations (Wang et al. 2021, arXiv 2012.15828): KL(R_t ‖ R_s) with R = softmax(S), and
/// ∂KL/∂S_s = R_s − R_t.
private enum RelationRow {
    /// Returns `scale` · KL; the student's scores become its gradient and the teacher's are spoilt. KL is taken as
    /// Σ R_t · (S_t − S_s) − LSE(S_t) + LSE(S_s), which needs no logarithm per score.
    static func evaluate(_ student: ScoreRow, _ teacher: ScoreRow, scale: Double) -> Double {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: student.count) { powers in
            _ = powers.initialize(from: student)
            let s = powers.replaceByExponentials(temperature: 1)
            subtract(student, from: teacher)
            let t = teacher.replaceByExponentials(temperature: 1)
            let mean = teacher.dot(student) / t.sum
            combine(student, powers, Float(scale / s.sum), teacher, Float(-scale / t.sum))
            return scale * (mean - (t.maximum + log(t.sum)) + (s.maximum + log(s.sum)))
        }
    }

    /// x = y − x
    private static func subtract(_ x: ScoreRow, from y: ScoreRow) {
        for i in x.indices { x[i] = y[i] - x[i] }
    }

    /// z = a · x + b · y
    private static func combine(_ z: ScoreRow, _ x: ScoreRow, _ a: Float, _ y: ScoreRow, _ b: Float) {
        for i in z.indices { z[i] = a * x[i] + b * y[i] }
    }
}

extension Tape {
    /// Σ_heads Σ_rows KL(R_teacher ‖ R_student) / (heads · normalizer), where R holds the softmax of each position's scaled dot
    /// products with the positions of its own sequence; of queries, keys or values.
    ///
    /// Teacher and student may differ in width and in their own heads: both are cut anew into as many relation heads.
    ///
    /// - Parameters:
    ///   - student: [N, W], the heads side by side.
    ///   - teacher: [N, W′].
    ///   - heads: relation heads (A_r), which divide W and W′.
    ///   - normalizer: the number of positions in the whole optimizer step (N).
    public func attentionRelations(
        _ student: Variable, teacher: Tensor, heads: Int, offsets: SequenceOffsets, normalizer: Int
    ) -> Variable {
        let scale = 1 / (Double(heads) * Double(normalizer))
        return scoreLoss(student, teacher: (teacher, teacher), heads: heads, offsets: offsets) {
            RelationRow.evaluate($0, $1, scale: scale)
        }
    }
}
