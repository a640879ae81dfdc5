public import Models
public import Tensors

/// A teacher's targets for rows in a smaller vocabulary than the one that they were recorded in.
public final class RenamedTargets: TeacherTargets {
    private let targets: any TeacherTargets
    private let tokens: [Int32]

    /// - Parameter tokens: the recording's id of each id of the smaller vocabulary.
    public init(_ targets: any TeacherTargets, tokens: [Int32]) {
        self.targets = targets
        self.tokens = tokens
    }

    private func renamed(_ sequences: [[Int32]]) -> [[Int32]] {
        sequences.map { $0.map { tokens[Int($0)] } }
    }

    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        try targets.logProbabilities(for: renamed(sequences))
    }

    /// The outcomes are classes, or tokens of the recording's vocabulary.
    public func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
        try targets.likeliest(for: renamed(sequences), temperature: temperature)
    }

    public func pooled(for sequences: [[Int32]]) throws -> Tensor { try targets.pooled(for: renamed(sequences)) }
    public func pooledWidth() throws -> Int { try targets.pooledWidth() }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try targets.hiddenStates(layer: layer, for: renamed(sequences))
    }

    public func width(layer: Int) throws -> Int { try targets.width(layer: layer) }

    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try targets.attentionStates(part, layer: layer, for: renamed(sequences))
    }

    public func heads(layer: Int) throws -> Int { try targets.heads(layer: layer) }
    public func prepare(_ sequences: [[Int32]]) { targets.prepare(renamed(sequences)) }
}
