extension LossWeights {
    /// The weights and the temperature of the last step, where they are not those of the first. Between the two they change
    /// linearly with the step.
    public struct Ends: Equatable, Sendable {
        public var crossEntropy: Float?
        public var kl: Float?
        public var temperature: Double?
        public var features: Float?
        public var relations: Float?
        public var attention: Float?

        public init(
            crossEntropy: Float? = nil, kl: Float? = nil, temperature: Double? = nil, features: Float? = nil,
            relations: Float? = nil, attention: Float? = nil
        ) {
            self.crossEntropy = crossEntropy
            self.kl = kl
            self.temperature = temperature
            self.features = features
            self.relations = relations
            self.attention = attention
        }
    }

    /// The constant weights of one step.
    ///
    /// - Parameter progress: 0 in the first step, 1 in the last.
    func at(_ progress: Double) -> LossWeights {
        guard end != Ends() else { return self }
        return changed { start, end in
            // Exact at both ends, which start + p (end − start) is not.
            (1 - progress) * start + progress * end
        }
    }

    /// Each weight at the larger one of its ends: above 0 where the term is ever asked for.
    var largest: LossWeights { changed(max) }

    private func changed(_ between: (Double, Double) -> Double) -> LossWeights {
        func value(_ start: Float, _ end: Float?) -> Float {
            end.map { Float(between(Double(start), Double($0))) } ?? start
        }
        var weights = self
        weights.crossEntropy = value(crossEntropy, end.crossEntropy)
        weights.kl = value(kl, end.kl)
        weights.temperature = end.temperature.map { between(temperature, $0) } ?? temperature
        weights.features = value(features, end.features)
        if let relations { weights.relations!.weight = value(relations.weight, end.relations) }
        weights.attention = value(attention, end.attention)
        weights.end = Ends()
        return weights
    }
}
