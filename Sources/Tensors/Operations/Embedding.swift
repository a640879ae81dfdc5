import CKernels

/// y[i, :] = table[ids[i], :]; the gradient of a row is the sum over the positions that used it.
private struct Embedding: DifferentiableOperation {
    let table: GradientSlot
    let ids: [Int32]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(gradient, toRows: ids, of: table)
    }
}

extension Tape {
    /// Rows of table: [V, C] for ids: [N] → [N, C]. Every id must lie in 0..<V.
    public func embedding(_ table: Variable, ids: [Int32]) -> Variable {
        precondition(table.shape.count == 2, "embedding: table \(table.shape) is not a matrix")
        let (vocabulary, width) = (table.shape[0], table.shape[1])
        var y = Tensor(uninitialized: [ids.count, width])
        let (source, destination) = (table.value.pointer, y.mutablePointer)
        for (row, id) in ids.enumerated() {
            precondition(id >= 0 && id < vocabulary, "embedding: id \(id) is outside of the table \(table.shape)")
            (destination + row * width).update(from: source + Int(id) * width, count: width)
        }
        return record(y, from: table) { Embedding(table: table.slot, ids: ids) }
    }
}
