import Files

/// Metadata by key. Each accessor has a form that requires the key and one, `…IfPresent`, that gives nil without it; both
/// throw `InputError` with the file and the key where the value is not of the type that was asked for.
extension GGUFFile {
    public func string(_ key: String) throws -> String {
        try require(stringIfPresent(key), key)
    }

    public func stringIfPresent(_ key: String) throws -> String? {
        try read(key, "a string") { $0.string }
    }

    /// A whole number of any width.
    public func integer(_ key: String) throws -> Int {
        try require(integerIfPresent(key), key)
    }

    public func integerIfPresent(_ key: String) throws -> Int? {
        try read(key, "a whole number in the range of Int64") { $0.integer }
    }

    /// A number, whole or not.
    public func number(_ key: String) throws -> Double {
        try require(numberIfPresent(key), key)
    }

    public func numberIfPresent(_ key: String) throws -> Double? {
        try read(key, "a number") { $0.number }
    }

    public func bool(_ key: String) throws -> Bool {
        try require(boolIfPresent(key), key)
    }

    public func boolIfPresent(_ key: String) throws -> Bool? {
        try read(key, "a truth value") { $0.bool }
    }

    public func strings(_ key: String) throws -> [String] {
        try require(stringsIfPresent(key), key)
    }

    public func stringsIfPresent(_ key: String) throws -> [String]? {
        try read(key, "an array of strings") { try $0.array?.strings() }
    }

    /// An array of whole numbers of any width.
    public func integers(_ key: String) throws -> [Int] {
        try require(integersIfPresent(key), key)
    }

    public func integersIfPresent(_ key: String) throws -> [Int]? {
        try read(key, "an array of integers") { try $0.array?.integers() }
    }

    /// An array of numbers, whole or not.
    public func numbers(_ key: String) throws -> [Double] {
        try require(numbersIfPresent(key), key)
    }

    public func numbersIfPresent(_ key: String) throws -> [Double]? {
        try read(key, "an array of numbers") { try $0.array?.numbers() }
    }

    private func require<Value>(_ value: Value?, _ key: String) throws -> Value {
        guard let value else {
            throw InputError(
                file: path, field: key, problem: "the metadata has no such key",
                remedy: "convert the model again with a current converter")
        }
        return value
    }

    private func read<Value>(
        _ key: String, _ expected: String, _ convert: (GGUFValue) throws -> Value?
    ) throws -> Value? {
        guard let value = value(key) else { return nil }
        do {
            if let converted = try convert(value) { return converted }
        } catch let error as InputError {
            throw InputError(file: path, field: key, problem: error.problem)
        }
        throw InputError(file: path, field: key, problem: "expected \(expected), found \(value.kind)")
    }
}
