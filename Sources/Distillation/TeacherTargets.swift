import Files
public import Models
public import Tensors

/// What the teacher said, found by the token row.
public protocol TeacherTargets {
    /// The teacher's log-probabilities at T = 1 for each sequence: [B, classes].
    func logProbabilities(for sequences: [[Int32]]) throws -> Tensor
    /// The likeliest outcomes at each position, exact at one temperature: [N].
    func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets
    /// The numbers of a regression, or the embedding, of each sequence: [B, width].
    func pooled(for sequences: [[Int32]]) throws -> Tensor
    func pooledWidth() throws -> Int
    /// The teacher's hidden states of one layer, sequence after sequence: [N, d_t].
    func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor
    /// The width d_t of a recorded layer.
    func width(layer: Int) throws -> Int
    /// The teacher's queries, keys or values of one layer, counted from 1, sequence after sequence, the heads side by
    /// side: [N, H · D].
    func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor
    /// The teacher's attention heads in one layer (H), counted from 1.
    func heads(layer: Int) throws -> Int
    /// Hears which sequences will be asked for next.
    func prepare(_ sequences: [[Int32]])
}

extension TeacherTargets {
    /// For targets that are there, or that the step itself has to wait for.
    public func prepare(_ sequences: [[Int32]]) {}

    /// For targets that hold no vector per row.
    ///
    /// - Throws: `InputError` always.
    public func pooled(for sequences: [[Int32]]) throws -> Tensor {
        throw InputError(problem: "these targets hold no numbers or embeddings of whole rows")
    }

    /// For targets that hold no vector per row.
    ///
    /// - Throws: `InputError` always.
    public func pooledWidth() throws -> Int {
        throw InputError(problem: "these targets hold no numbers or embeddings of whole rows")
    }

    /// For targets whose predictions are for whole rows.
    ///
    /// - Throws: `InputError` always.
    public func likeliest(for sequences: [[Int32]], temperature: Double) throws -> SparseTargets {
        throw InputError(problem: "these targets hold no predictions for each position")
    }

    /// For targets whose predictions are for each position.
    ///
    /// - Throws: `InputError` always.
    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        throw InputError(problem: "these targets hold no predictions for whole rows")
    }

    /// For targets without attention.
    ///
    /// - Throws: `InputError` always.
    public func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        throw noAttention(layer)
    }

    /// For targets without attention.
    ///
    /// - Throws: `InputError` always.
    public func heads(layer: Int) throws -> Int {
        throw noAttention(layer)
    }

    private func noAttention(_ layer: Int) -> InputError {
        InputError(
            field: "layer \(layer)", problem: "these targets hold no queries, keys and values of the teacher",
            remedy: "run the teacher with teacher.targets.source=live, or leave loss.relations and loss.attention out")
    }
}
