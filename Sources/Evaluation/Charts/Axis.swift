import Foundation

/// Maps values to pixels, and picks round values to mark.
struct Axis {
    enum Kind { case linear, logarithmic }

    let kind: Kind
    let domain: ClosedRange<Double>
    /// Pixels of the domain's two ends; the first may be the larger one.
    let start: Double
    let end: Double

    /// - Parameter domain: Positive if logarithmic. A domain of one point is widened.
    init(_ kind: Kind, _ domain: ClosedRange<Double>, from start: Double, to end: Double) {
        self.kind = kind
        self.start = start
        self.end = end
        let (low, high) = (domain.lowerBound, domain.upperBound)
        switch (low == high, kind) {
        case (false, _): self.domain = domain
        case (true, .linear): self.domain = low - max(abs(low), 1) * 0.01...high + max(abs(high), 1) * 0.01
        case (true, .logarithmic): self.domain = low / 2...high * 2
        }
    }

    func position(_ value: Double) -> Double {
        let (low, high) = (domain.lowerBound, domain.upperBound)
        let share =
            switch kind {
            case .linear: (value - low) / (high - low)
            case .logarithmic: log(value / low) / log(high / low)
            }
        return start + share * (end - start)
    }

    /// About `count` round values inside the domain: steps of 1, 2, 2.5 or 5; on a logarithmic axis 1, 2, 5 of each decade,
    /// or only 1 if that is too many.
    func ticks(_ count: Int) -> [Double] {
        switch kind {
        case .linear:
            let span = domain.upperBound - domain.lowerBound
            let rough = span / Double(count)
            let decade = pow(10, floor(log10(rough)))
            let step = [1, 2, 2.5, 5, 10].map { $0 * decade }.first { $0 >= rough * 0.999 } ?? rough
            let first = (domain.lowerBound / step - 1e-9).rounded(.up)
            let last = (domain.upperBound / step + 1e-9).rounded(.down)
            guard last - first < 1000 else { return [] }
            return stride(from: first, through: last, by: 1).map { $0 * step }
        case .logarithmic:
            let decades = Int(floor(log10(domain.lowerBound)))...Int(ceil(log10(domain.upperBound)))
            let fine = decades.flatMap { decade in [1.0, 2, 5].map { $0 * pow(10, Double(decade)) } }
                .filter(domain.contains)
            guard fine.count > count + 1 else { return fine }
            let coarse = decades.map { pow(10, Double($0)) }.filter(domain.contains)
            return coarse.count > 1 ? coarse : fine
        }
    }
}
