import Files
import Models
import Tensors

extension DistillationObjective {
    /// The terms that compare what the attention layers of both models see: relations, and scores before softmax.
    ///
    /// - Throws: `InputError` where the teacher's queries, keys or values are missing or do not fit.
    func attentionTerms(
        _ weights: LossWeights, _ output: Encoder.Output, _ sequences: [[Int32]], _ offsets: SequenceOffsets,
        _ scope: StepScope, on tape: Tape
    ) throws -> [(name: String, weight: Float, value: Variable)] {
        guard let targets else { return [] }
        var terms: [(name: String, weight: Float, value: Variable)] = []
        func teacher(_ part: AttentionPart, _ layer: Int, dividedBy heads: Int, _ key: String) throws -> Tensor {
            let states = try targets.attentionStates(part, layer: layer, for: sequences)
            guard states.rows == offsets.rows else {
                throw InputError(
                    field: key,
                    problem: "the teacher's \(part) of layer \(layer) has \(states.rows) rows for "
                        + "\(offsets.rows) tokens", remedy: "record the targets again")
            }
            try Self.check(width: states.width, of: "teacher", layer: layer, dividedBy: heads, key)
            return states
        }
        if let relations = weights.relations, relations.weight > 0 {
            let ours = output.attentionStates[relations.studentLayer]!
            let losses = try AttentionPart.allCases.map { part in
                let wanted = try teacher(
                    part, relations.teacherLayer, dividedBy: relations.heads, "loss.relations.heads")
                let loss = tape.attentionRelations(
                    ours[part]!, teacher: wanted, heads: relations.heads, offsets: offsets, normalizer: scope.positions)
                return (weight: Float(1), value: loss)
            }
            terms.append(("relations", relations.weight, tape.weightedSum(losses)))
        }
        if weights.attention > 0 {
            let share = 1 / Float(weights.attentionPairs.count)
            let losses = try weights.attentionPairs.map { pair in
                let (ours, heads) = (output.attentionStates[pair.student]!, student.layers[pair.student - 1].heads)
                let queries = try teacher(.query, pair.teacher, dividedBy: heads, "loss.attention.pairs")
                let keys = try teacher(.key, pair.teacher, dividedBy: heads, "loss.attention.pairs")
                let loss = tape.attentionMaps(
                    queries: ours[.query]!, keys: ours[.key]!, teacher: (queries, keys), heads: heads, offsets: offsets,
                    pairs: scope.pairs)
                return (weight: share, value: loss)
            }
            terms.append(("attention", weights.attention, tape.weightedSum(losses)))
        }
        return terms
    }

    /// Whether the layers that are to be compared can be.
    func checkAttention() throws {
        if let relations = compared.relations, relations.weight > 0 {
            let layer = relations.studentLayer
            try Self.check(
                width: student.layers[layer - 1].heads * student.configuration.headSize, of: "student", layer: layer,
                dividedBy: relations.heads, "loss.relations.heads")
        }
        for pair in compared.attention > 0 ? compared.attentionPairs : [] {
            let (ours, theirs) = (student.layers[pair.student - 1].heads, try targets?.heads(layer: pair.teacher))
            guard ours == theirs, ours > 0 else {
                throw InputError(
                    field: "loss.attention.pairs",
                    problem:
                        "layer \(pair.student) of the student has \(ours) heads, layer \(pair.teacher) of the teacher "
                        + "\(theirs ?? 0): attention maps are compared head by head",
                    remedy: "give the student as many heads, or use loss.relations, which needs no equal heads")
            }
        }
    }

    private static func check(width: Int, of model: String, layer: Int, dividedBy heads: Int, _ key: String) throws {
        guard width > 0, width.isMultiple(of: heads) else {
            throw InputError(
                field: key,
                problem:
                    "\(heads) heads do not divide the width \(width) of attention in layer \(layer) of the \(model)",
                remedy: "use a number that divides the width of both models")
        }
    }
}
