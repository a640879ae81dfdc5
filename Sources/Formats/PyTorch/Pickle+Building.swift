import Files

extension Pickle {
    /// The storage that a persistent reference `("storage", type, key, location, count)` names.
    mutating func storage(_ identifier: PickleValue) throws -> PickleValue {
        guard let parts = elements(identifier), parts.count == 5, text(parts[0]) == "storage",
            case .global(.storage(let type)) = parts[1], let key = text(parts[2]), case .integer(let count) = parts[4]
        else {
            throw PickleFault("a reference outside of the pickle that is not a storage of numbers")
        }
        storages.append(PickleStorage(type: type, key: key, count: count))
        return .storage(storages.count - 1)
    }

    /// What a call of one of the known names with these arguments gives. Nothing is called.
    mutating func build(_ called: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
        guard case .global(let global) = called, let arguments = elements(arguments) else {
            throw PickleFault("calls something that is not a function with arguments; refused")
        }
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw PickleFault("an OrderedDict is made with arguments, expected none") }
            dictionaries.append([])
            return .dictionary(dictionaries.count - 1)
        case .size:
            guard arguments.count == 1, elements(arguments[0]) != nil else {
                throw PickleFault("a torch.Size is made of something that is not a tuple")
            }
            return arguments[0]
        case .rebuildParameter:
            guard arguments.count == 3, case .tensor = arguments[0] else {
                throw PickleFault("a parameter is made of something that is not a tensor")
            }
            return arguments[0]
        case .rebuildTensor:
            guard (6...7).contains(arguments.count), case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3])
            else {
                throw PickleFault("a tensor is not made of a storage, an offset, a shape and strides")
            }
            tensors.append(PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides))
            return .tensor(tensors.count - 1)
        case .storage(let type):
            throw PickleFault("a storage of \(type.rawValue) is made inside the pickle, expected a file of the archive")
        }
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard let elements = elements(value), elements.count <= Self.highestRank else { return nil }
        var integers: [Int] = []
        integers.reserveCapacity(elements.count)
        for element in elements {
            guard case .integer(let integer) = element else { return nil }
            integers.append(integer)
        }
        return integers
    }

    /// PyTorch's own limit is 64.
    private static let highestRank = 64
}
