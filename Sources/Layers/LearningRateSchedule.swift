import Foundation

/// The learning rate over a run: a linear rise over the warm-up, then constant, linear or cosine decay to zero.
public struct LearningRateSchedule: Sendable {
    public enum Decay: String, Sendable, CaseIterable { case constant, linear, cosine }

    public let peak: Float
    public let decay: Decay
    public let warmUpSteps: Int
    public let totalSteps: Int

    /// - Parameter warmUp: share of the steps, in 0..<1.
    public init(peak: Float, decay: Decay, warmUp: Double, totalSteps: Int) {
        self.peak = peak
        self.decay = decay
        self.totalSteps = totalSteps
        warmUpSteps = Int((warmUp * Double(totalSteps)).rounded())
    }

    /// The rate for step `step`, counted from 0.
    public func rate(at step: Int) -> Float {
        if step < warmUpSteps { return peak * Float(step + 1) / Float(warmUpSteps) }
        let done = Float(step - warmUpSteps) / Float(max(1, totalSteps - warmUpSteps))
        switch decay {
        case .constant: return peak
        case .linear: return peak * max(0, 1 - done)
        case .cosine: return peak * 0.5 * (1 + cos(Float.pi * min(1, done)))
        }
    }
}
