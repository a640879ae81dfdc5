import Files
import Foundation
public import Models
import Tensors

/// What rounding each group of an encoder costs, and which groups go back to float until a gate holds.
///
/// A group is quantized alone and the classes' distributions of the calibration texts are compared with those of the float
/// model: mean KL(float ‖ quantized) with its standard error, and the share of texts whose likeliest class is the same.
public struct QuantizationSensitivity: Equatable, Sendable {
    /// When the whole quantized model is close enough to the float one.
    public struct Gate: Equatable, Sendable {
        /// Mean KL, at most.
        public var divergence: Double
        /// Share of texts with the same likeliest class, at least.
        public var agreement: Double
        /// Groups that may go back to float.
        public var most: Int

        public init(divergence: Double, agreement: Double, most: Int) {
            self.divergence = divergence
            self.agreement = agreement
            self.most = most
        }
    }

    /// How far a quantized model is from the float one.
    public struct Distance: Equatable, Sendable {
        public let divergence: Double
        public let standardError: Double
        public let agreement: Double
    }

    public struct Row: Equatable, Sendable {
        public let group: QuantizationGroup
        /// With this group alone quantized.
        public let distance: Distance
        public let staysFloat: Bool
    }

    /// In the order of the model.
    public let rows: [Row]
    /// The whole model, quantized but for the groups that stay float.
    public let whole: Distance
    /// Whether `whole` is what the gate asks for.
    public let holds: Bool
    /// The scheme with the groups that stay float.
    public let scheme: QuantizationScheme

    /// Measures every group, then gives the worst back to float, one after the other, until the gate holds.
    ///
    /// - Parameters:
    ///   - kept: groups that stay float in any case.
    ///   - sequences: texts that the distances are measured on; at least one.
    /// - Throws: `InputError` if the encoder is no classifier, or a logit is not finite.
    public init(
        of encoder: Encoder, _ scheme: QuantizationScheme, kept: [QuantizationGroup] = [], gate: Gate,
        on sequences: [[Int32]]
    ) throws {
        guard encoder.configuration.head == .classification, !sequences.isEmpty else {
            throw InputError(
                problem: sequences.isEmpty
                    ? "there are no texts to measure the rounding on"
                    : "the rounding of a model for \(encoder.configuration.head.rawValue) has no classes to compare",
                remedy: "name the parts that stay float instead")
        }
        defer { QuantizationSimulation.detach(from: encoder) }
        QuantizationSimulation.detach(from: encoder)
        let classes = encoder.configuration.outputWidth
        let float = try encoder.logits(of: sequences)
        func distance(_ scheme: QuantizationScheme) throws -> Distance {
            QuantizationSimulation.attach(to: encoder, scheme)
            return Distance(float, try encoder.logits(of: sequences), classes: classes)
        }
        let groups = QuantizationGroup.all(of: encoder.configuration)
        let alone = try groups.map { group in try distance(scheme.keeping(groups.filter { $0 != group })) }
        var kept = kept
        var whole = try distance(scheme.keeping(kept))
        let worst = zip(groups, alone).filter { !kept.contains($0.0) }.sorted {
            ($1.1.divergence, $0.0.name) < ($0.1.divergence, $1.0.name)
        }
        for (group, _) in worst.prefix(gate.most) where !gate.holds(whole) {
            kept.append(group)
            whole = try distance(scheme.keeping(kept))
        }
        self.whole = whole
        holds = gate.holds(whole)
        self.scheme = scheme.keeping(kept)
        rows = zip(groups, alone).map { Row(group: $0, distance: $1, staysFloat: kept.contains($0)) }
    }

    /// The table as CSV: one line per group, then the whole model.
    public var csv: String {
        func line(_ name: String, _ distance: Distance, _ format: String) -> String {
            String(
                format: "%@,%.6e,%.6e,%.6f,%@", name, distance.divergence, distance.standardError, distance.agreement,
                format)
        }
        let lines = rows.map { line($0.group.name, $0.distance, $0.staysFloat ? "float" : "int8") }
        return (["part,kl_mean,kl_standard_error,same_top1,stored_as"] + lines + [line("whole", whole, "mixed")])
            .joined(separator: "\n") + "\n"
    }
}

extension QuantizationSensitivity.Gate {
    func holds(_ distance: QuantizationSensitivity.Distance) -> Bool {
        distance.divergence <= divergence && distance.agreement >= agreement
    }
}

extension QuantizationSensitivity.Distance {
    /// Compares rows of `classes` logits each.
    init(_ float: [Float], _ rounded: [Float], classes: Int) {
        let count = float.count / classes
        var (sum, squares, same) = (0.0, 0.0, 0)
        for row in 0..<count {
            let range = row * classes..<(row + 1) * classes
            let (p, q) = (Self.logProbabilities(float[range]), Self.logProbabilities(rounded[range]))
            let divergence = zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            sum += divergence
            squares += divergence * divergence
            if p.firstIndex(of: p.max()!) == q.firstIndex(of: q.max()!) { same += 1 }
        }
        let mean = sum / Double(count)
        let variance = max(0, squares / Double(count) - mean * mean) * Double(count) / Double(max(1, count - 1))
        self.init(
            divergence: max(0, mean), standardError: (variance / Double(count)).squareRoot(),
            agreement: Double(same) / Double(count))
    }

    private static func logProbabilities(_ logits: ArraySlice<Float>) -> [Double] {
        let largest = Double(logits.max() ?? 0)
        let sum = log(logits.reduce(0) { $0 + exp(Double($1) - largest) })
        return logits.map { Double($0) - largest - sum }
    }
}
