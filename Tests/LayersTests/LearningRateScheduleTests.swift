import Layers
import Testing

@Suite("Learning-rate schedule")
struct LearningRateScheduleTests {
    /// 100 steps, of which 10 warm up; peak 1.
    private func schedule(_ decay: LearningRateSchedule.Decay) -> LearningRateSchedule {
        LearningRateSchedule(peak: 1, decay: decay, warmUp: 0.1, totalSteps: 100)
    }

    @Test("rises linearly from the first step to the peak", arguments: LearningRateSchedule.Decay.allCases)
    func warmUp(_ decay: LearningRateSchedule.Decay) {
        let schedule = schedule(decay)
        #expect(schedule.warmUpSteps == 10)
        #expect(schedule.rate(at: 0) == 0.1)
        #expect(schedule.rate(at: 4) == 0.5)
        #expect(schedule.rate(at: 9) == 1)
        #expect(schedule.rate(at: 10) == 1)
    }

    @Test("stays, falls in a line or falls along a cosine after the warm-up")
    func decay() {
        // Step 55 is half-way from step 10 to step 100, step 99 is the last.
        for (decay, middle, last) in [
            (LearningRateSchedule.Decay.constant, Float(1), Float(1)), (.linear, 0.5, 1 / 90),
            (.cosine, 0.5, 0.000304587),
        ] {
            #expect(abs(schedule(decay).rate(at: 55) - middle) < 1e-6, "\(decay)")
            #expect(abs(schedule(decay).rate(at: 99) - last) < 1e-6, "\(decay)")
        }
        // A quarter of the way, where line and cosine differ: (1 + cos 45°) / 2.
        #expect(abs(schedule(.linear).rate(at: 32) - (1 - 22 / 90)) < 1e-6)
        let quarter = LearningRateSchedule(peak: 1, decay: .cosine, warmUp: 0, totalSteps: 100).rate(at: 25)
        #expect(abs(quarter - 0.853553) < 1e-6)
    }

    @Test("never goes below zero or back up beyond the last step", arguments: LearningRateSchedule.Decay.allCases)
    func beyondTheEnd(_ decay: LearningRateSchedule.Decay) {
        let expected: Float = decay == .constant ? 1 : 0
        #expect(abs(schedule(decay).rate(at: 100) - expected) < 1e-6)
        #expect(abs(schedule(decay).rate(at: 150) - expected) < 1e-6)
    }

    @Test("scales with the peak and works for a run of one step")
    func edges() {
        let peak = LearningRateSchedule(peak: 3e-4, decay: .linear, warmUp: 0, totalSteps: 1)
        #expect(peak.warmUpSteps == 0)
        #expect(peak.rate(at: 0) == 3e-4)
        let onlyWarmUp = LearningRateSchedule(peak: 2, decay: .cosine, warmUp: 0.5, totalSteps: 1)
        #expect(onlyWarmUp.rate(at: 0) == 2)
    }
}
