import Layers
import Tensors
import Testing

@Suite("AdamW")
struct AdamWTests {
    let golden: GoldenOptimizer

    init() throws {
        golden = try GoldenOptimizer.read()
    }

    private func parameter(_ name: String = "w", decays: Bool = true) -> Parameter {
        Parameter(name: name, value: Tensor(golden.start, shape: [golden.start.count]), decays: decays)
    }

    /// Takes all golden steps; `check` sees the optimizer after each.
    private func run(_ parameters: [Parameter], weightDecay: Float, scale: Float = 1, check: (Int) -> Void) -> AdamW {
        let optimizer = AdamW(parameters: parameters, weightDecay: weightDecay)
        for (step, gradient) in golden.gradients.enumerated() {
            for parameter in parameters {
                parameter.gradient.value = Tensor(gradient.map { $0 / scale }, shape: parameter.value.shape)
            }
            optimizer.update(learningRate: golden.rates[step], gradientScale: scale)
            check(step)
        }
        return optimizer
    }

    private func isClose(_ found: Tensor, _ expected: [Float], relative: Float = 1e-5, absolute: Float = 2e-6) -> Bool {
        zip(found.values, expected).allSatisfy { abs($0 - $1) <= absolute + relative * abs($1) }
    }

    @Test("takes the same ten steps as torch, with decay and without")
    func matchesTorch() {
        for (decay, expected) in [(golden.decay, golden.decayed), (0, golden.plain)] {
            let weight = parameter()
            let optimizer = run([weight], weightDecay: decay) { step in
                #expect(isClose(weight.value, expected.steps[step]), "decay \(decay), step \(step)")
            }
            #expect(optimizer.step == golden.gradients.count)
            #expect(isClose(optimizer.firstMoments[0], expected.first, absolute: 1e-12))
            // 1 − β₂ in single precision is off by 1.3e-5 of itself.
            #expect(isClose(optimizer.secondMoments[0], expected.second, relative: 3e-5, absolute: 1e-18))
        }
    }

    @Test("leaves a parameter without decay undecayed beside one with decay")
    func decaysOnlyWhatDecays() {
        let (matrix, bias) = (parameter(), parameter("b", decays: false))
        _ = run([matrix, bias], weightDecay: golden.decay) { step in
            #expect(isClose(matrix.value, golden.decayed.steps[step]), "matrix, step \(step)")
            #expect(isClose(bias.value, golden.plain.steps[step]), "bias, step \(step)")
        }
    }

    @Test("applies the gradient scale before the moments")
    func scalesGradients() {
        let weight = parameter()
        let optimizer = run([weight], weightDecay: 0, scale: 0.25) { step in
            #expect(isClose(weight.value, golden.plain.steps[step]), "step \(step)")
        }
        #expect(isClose(optimizer.secondMoments[0], golden.plain.second, relative: 3e-5, absolute: 1e-18))
    }

    @Test("clears the gradients after a step and on request")
    func clearsGradients() {
        let weight = parameter()
        _ = run([weight], weightDecay: 0) { _ in
            #expect(weight.gradient.value.values.allSatisfy { $0 == 0 })
        }
        let optimizer = AdamW(parameters: [weight], weightDecay: 0)
        weight.gradient.value = Tensor(repeating: 3, shape: weight.value.shape)
        let before = weight.value.values
        optimizer.clearGradients()
        #expect(weight.gradient.value.values.allSatisfy { $0 == 0 })
        #expect(weight.value.values == before && optimizer.step == 0)
    }

    @Test("measures the gradient norm over all parameters")
    func gradientNorm() {
        let (a, b) = (parameter("a"), parameter("b"))
        a.gradient.value = Tensor([3, 0, 0, 0, 0, 0, 0], shape: [7])
        b.gradient.value = Tensor([0, 0, 4, 0, 0, 0, 12], shape: [7])
        #expect(abs(AdamW(parameters: [a, b], weightDecay: 0).gradientNorm - 13) < 1e-12)
    }

    @Test("goes on from restored moments as if it had not stopped")
    func restores() {
        let half = golden.gradients.count / 2
        let whole = parameter()
        var saved: (weight: Tensor, first: Tensor, second: Tensor)?
        let optimizer = AdamW(parameters: [whole], weightDecay: golden.decay)
        let restoredWeight = parameter()
        let restored = AdamW(parameters: [restoredWeight], weightDecay: golden.decay)
        for (step, gradient) in golden.gradients.enumerated() {
            if step == half {
                saved = (whole.value, optimizer.firstMoments[0], optimizer.secondMoments[0])
                restoredWeight.value = whole.value
                restored.restore(
                    step: optimizer.step, firstMoments: optimizer.firstMoments,
                    secondMoments: optimizer.secondMoments)
            }
            for parameter in step < half ? [whole] : [whole, restoredWeight] {
                parameter.gradient.value = Tensor(gradient, shape: parameter.value.shape)
            }
            optimizer.update(learningRate: golden.rates[step])
            if step >= half { restored.update(learningRate: golden.rates[step]) }
        }
        #expect(whole.value.values == restoredWeight.value.values)
        #expect(restored.step == optimizer.step)
        // The steps after the split did not write into the tensors that were taken from it.
        #expect(saved?.weight.values != whole.value.values)
        #expect(saved?.first.values != optimizer.firstMoments[0].values)
    }
}
