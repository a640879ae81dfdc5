public import Files
public import Formats
import Foundation
public import Layers
import Tensors

/// Fills parameters with the tensors of a file, and gathers everything that does not fit.
///
///     var filling = WeightFilling(weights, renaming: publishedName)
///     for parameter in model.parameters { filling.fill(parameter, from: StoredPart(parameter.name)) }
///     try filling.finish()
public struct WeightFilling {
    private let weights: StoredWeights
    /// The file's name of each tensor, by the name that it goes by here.
    private var storedNames: [String: String] = [:]
    private var used: Set<String> = []
    /// What does not fit so far.
    public private(set) var errors: [InputError] = []

    /// - Parameter renaming: gives the name that a tensor goes by from the file's name of it, such as with a prefix that
    ///   some files leave out.
    public init(_ weights: StoredWeights, renaming: (String) -> String = { $0 }) {
        self.weights = weights
        for name in weights.names {
            let wanted = renaming(name)
            if let other = storedNames.updateValue(name, forKey: wanted) {
                refuse(name, "stands for \(wanted), and so does \(other)")
            }
        }
    }

    /// The names that the tensors go by.
    public var names: [String] { Array(storedNames.keys) }

    /// Whether the file holds a tensor that goes by this name.
    public func holds(_ name: String) -> Bool {
        storedNames[name] != nil
    }

    /// The tensor that goes by this name.
    public func tensor(_ name: String) -> StoredTensor? {
        storedNames[name].flatMap { weights.tensors[$0] }
    }

    /// Refuses, before memory is taken for it, a model that is far larger than the file.
    ///
    /// - Parameter parameterCount: the weights that `description`, such as `config.json`, claims.
    /// - Throws: `InputErrors` where missing tensors cannot explain the difference: beyond twice what the file holds.
    public func requireRoom(for parameterCount: Int, describedBy description: String) throws {
        let held = weights.tensors.values.reduce(0) { $0 + $1.count }
        guard parameterCount / 2 <= held + 1 << 20 else {
            throw InputErrors([
                InputError(
                    file: weights.file,
                    problem: "holds \(held) weights, \(description) describes \(parameterCount)",
                    remedy: "give the \(description) that belongs to these weights")
            ])
        }
    }

    /// Writes the stored values into the parameter, whose shape says what is expected.
    ///
    /// - Parameter remedy: what a person can do where the tensor is missing.
    public mutating func fill(_ parameter: Parameter, from part: StoredPart, remedy: String? = nil) {
        let shape = part.storedShape(for: parameter.value.shape)
        guard let tensor = tensor(part.name) else {
            if used.insert(part.name).inserted { refuse(part.name, "missing, expected shape \(shape)", remedy: remedy) }
            return
        }
        let isFirstUse = used.insert(part.name).inserted
        guard tensor.shape == shape else {
            if isFirstUse { refuse(part.name, "found shape \(tensor.shape), expected \(shape)") }
            return
        }
        do {
            try parameter.copy(part, of: tensor)
        } catch {
            if isFirstUse { refuse(part.name, (error as? InputError)?.problem ?? "\(error)") }
            return
        }
        if !parameter.value.isFinite { refuse(part.name, "holds NaN or infinite values") }
    }

    /// Leaves a tensor aside that is known to be of no use, or is used in another way.
    public mutating func ignore(_ name: String) {
        used.insert(name)
    }

    /// Notes a problem with a tensor, or one of another kind with the file.
    public mutating func refuse(_ name: String, _ problem: String, remedy: String? = nil) {
        let stored = storedNames[name] ?? name
        errors.append(InputError(file: weights.file(of: stored), field: stored, problem: problem, remedy: remedy))
    }

    /// Ends the reading.
    ///
    /// - Parameter ignored: tells which surplus tensors carry no knowledge.
    /// - Throws: `InputErrors` with every tensor that is missing, misshapen, of the wrong type, not finite or surplus.
    public mutating func finish(ignoring ignored: (String) -> Bool = { _ in false }) throws {
        for name in storedNames.keys.sorted() where !used.contains(name) && !ignored(name) {
            refuse(name, "surplus: the configuration has no such tensor")
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }
}
