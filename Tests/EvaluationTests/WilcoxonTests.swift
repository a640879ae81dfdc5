import Evaluation
import Testing

@Suite("Wilcoxon's signed-rank test")
struct WilcoxonTests {
    /// SciPy 1.17.1: `wilcoxon(d)`.
    @Test("equals SciPy's where it is exact, exact over signs, and approximate")
    func golden() {
        let plain = Wilcoxon(differences: [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75])
        #expect(plain.statistic == 24 && abs(plain.p - 0.041259765625) < 1e-12)
        let ties = Wilcoxon(differences: [1, -1, 2, 2, 3, 0, -4, 5])
        #expect(ties.statistic == 7.5 && abs(ties.p - 0.3125) < 1e-12)
        let many = Wilcoxon(differences: [1, -1, 2, 2, 3, 0, -4, 5, 6, 6, -2, 7, 8, 1, 0, 3])
        #expect(many.statistic == 16 && abs(many.p - 0.021618414301100255) < 1e-9)
    }

    @Test("differences that are equal but for rounding tie, whoever asks")
    func rounding() {
        let signs = (0..<30).map { Double($0 % 4 == 0 ? -1 : 1) }
        let reference = (0..<30).map { Double($0) * 0.1 }
        let own = zip(reference, signs).map { $0 + 0.3 * $1 }
        let exact = Wilcoxon(differences: signs).p
        #expect(Wilcoxon(own, minus: reference).p == exact)
        let paired = PairedErrors("error", own: own + [0.1 + 0.2], reference: reference + [0.3], seed: 0)
        #expect(paired.wilcoxonP == Wilcoxon(differences: signs + [0]).p)
        #expect(paired.worse == 22 && paired.better == 8)
    }

    @Test("no difference is p = 1, and the order changes nothing")
    func edges() {
        #expect(Wilcoxon(differences: [0, 0, 0]).p == 1 && Wilcoxon(differences: []).p == 1)
        var generator = Generator(state: 8)
        let values = (0..<70).map { _ in Double(Int.random(in: -9...9, using: &generator)) }
        #expect(Wilcoxon(differences: values) == Wilcoxon(differences: values.shuffled(using: &generator)))
        #expect(Wilcoxon(differences: values).p == Wilcoxon(differences: values.map { -$0 }).p)
    }

    @Test("of samples without a difference about one in twenty is found at 5%")
    func size() {
        var generator = Generator(state: 31)
        var found = 0
        for _ in 0..<1000 {
            let values = (0..<40).map { _ in Double.random(in: -1...1, using: &generator) }
            if Wilcoxon(differences: values).p < 0.05 { found += 1 }
        }
        #expect((30...70).contains(found), "\(found) of 1,000")
    }
}
