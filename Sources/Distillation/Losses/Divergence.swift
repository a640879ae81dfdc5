import Foundation

/// How far the student's distribution q is from the teacher's p, over any outcomes: classes, tokens, or tokens with all
/// others in one bucket.
///
/// For a student q = softmax(u), ∂D/∂u_j = w_j − q_j · Σ w with w = q · ∂D/∂q; every loss here is this one line. Zero
/// probabilities add what they add in the limit: 0 · log 0 = 0.
public enum Divergence: Equatable, Sendable {
    /// KL(p‖q) = Σ p (log p − log q); w = −p, so that ∂D/∂u = q − p.
    case forwardKL
    /// KL(q‖p) = Σ q (log q − log p); w = q (log q − log p + 1). It is infinite where the teacher excludes what the student
    /// allows: log p counts as −100 at least, as `torch.nn.functional.binary_cross_entropy` has it.
    case reverseKL
    /// β · KL(p‖m) + (1 − β) · KL(q‖m) with m = βp + (1 − β)q; w = (1 − β) · q · log(q/m) (generalised Jensen–Shannon, Agarwal
    /// et al. 2023, arXiv 2306.13649). Divided by β it goes to KL(p‖q) as β goes to 0, divided by 1 − β to KL(q‖p) as β
    /// goes to 1. 0 < β < 1.
    case jsd(beta: Double)

    /// The smallest probability of the bucket: a student that leaves less than this to it gets no larger a gradient.
    private static let smallestTail = 1e-8
    private static let smallestLogarithm = -100.0

    /// An outcome's share of D, and w; from both probabilities and their logarithms.
    func term(p: Double, logP: Double, q: Double, logQ: Double) -> (value: Double, slope: Double) {
        switch self {
        case .forwardKL: return (p > 0 ? p * (logP - logQ) : 0, -p)
        case .reverseKL:
            guard q > 0 else { return (0, 0) }
            let difference = logQ - max(logP, Self.smallestLogarithm)
            return (q * difference, q * (difference + 1))
        case .jsd(let beta):
            let logM = log(beta * p + (1 - beta) * q)
            let slope = q > 0 ? (1 - beta) * q * (logQ - logM) : 0
            return ((p > 0 ? beta * p * (logP - logM) : 0) + slope, slope)
        }
    }

    /// As `term`, for the bucket: the teacher's mass r and the student's Q in it, neither of which is known better than to
    /// 1e-8. `gradient` is ∂D/∂Q.
    func tail(r: Double, q: Double) -> (value: Double, slope: Double, gradient: Double) {
        let q = max(q, Self.smallestTail)
        let r = self == .reverseKL ? max(r, Self.smallestTail) : max(r, 0)
        let (value, slope) = term(p: r, logP: log(r), q: q, logQ: log(q))
        return (value, slope, slope / q)
    }
}
