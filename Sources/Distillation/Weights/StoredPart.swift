/// Where the value of a parameter stands among the tensors of a file: a whole tensor, its transpose, or some of its
/// outputs, in an order of their own.
///
/// An output is a row of a weight [O, I] and an element of a bias [O].
public struct StoredPart: Sendable {
    /// The name of the stored tensor.
    public var name: String
    /// Whether the file holds the weight as [I, O].
    public var isTransposed: Bool
    /// How many outputs the stored tensor has; nil: as many as the parameter.
    public var outputs: Int?
    /// The first of the stored outputs that belong to the parameter.
    public var first: Int
    /// The stored output, counted from `first`, of each of the parameter's outputs; nil: they stand in order.
    public var order: [Int]?

    /// - Parameters:
    ///   - outputs: of the stored tensor where it fuses several parameters, such as query, key and value.
    ///   - first: the first of them that belongs to this parameter.
    ///   - order: a permutation, where the file's order of outputs is another one.
    public init(
        _ name: String, isTransposed: Bool = false, first: Int = 0, of outputs: Int? = nil, order: [Int]? = nil
    ) {
        self.name = name
        self.isTransposed = isTransposed
        self.outputs = outputs
        self.first = first
        self.order = order
    }

    /// The shape that the file's tensor must have for a parameter of this shape: [O, I], or [O].
    func storedShape(for shape: [Int]) -> [Int] {
        let stored = [outputs ?? shape[0]] + shape.dropFirst()
        return isTransposed ? stored.reversed() : stored
    }

    /// The stored outputs of the parameter's outputs `range`, all of which must lie within the stored ones.
    func storedOutputs(_ range: Range<Int>) -> [Range<Int>] {
        guard let order else { return [first + range.lowerBound..<first + range.upperBound] }
        return order[range].map { first + $0..<first + $0 + 1 }
    }
}
