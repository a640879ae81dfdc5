import Files
import Formats

/// A value of an ONNX graph while it is run.
///
/// Sums of integer products are held as the nearest float, which is what the Cast behind them gives.
struct ONNXArray {
    enum Elements {
        case float([Float])
        case int64([Int64])
        case uint8([UInt8])
        case int8([Int8])
        case bool([Bool])
    }

    let shape: [Int]
    let elements: Elements

    init(_ values: [Float], _ shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "ONNXArray: \(values.count) values for \(shape)")
        self.shape = shape
        elements = .float(values)
    }

    init(_ elements: Elements, _ shape: [Int]) {
        self.shape = shape
        self.elements = elements
    }

    /// - Throws: `InputError` for element types that exported graphs do not have.
    init(_ tensor: StoredTensor) throws {
        shape = tensor.shape
        _ = try Self.count(shape)
        switch tensor.type {
        case .float32, .float16, .bfloat16: elements = .float(try tensor.float32())
        case .int64: elements = .int64(try tensor.int64())
        case .uint8: elements = .uint8(try tensor.uint8())
        case .int8: elements = .int8(try tensor.int8())
        default: throw InputError(problem: "constants of \(tensor.type.rawValue) are not run")
        }
    }

    var count: Int { shape.reduce(1, *) }
    var rank: Int { shape.count }
    var width: Int { shape.last ?? 1 }

    func floats() throws -> [Float] {
        guard case .float(let values) = elements else { throw InputError(problem: "expected floats") }
        return values
    }

    func integers() throws -> [Int] {
        guard case .int64(let values) = elements else { throw InputError(problem: "expected whole numbers") }
        return values.map { Int($0) }
    }

    func bytes() throws -> [UInt8] {
        guard case .uint8(let values) = elements else { throw InputError(problem: "expected unsigned bytes") }
        return values
    }

    /// The only element.
    func scalar() throws -> Float {
        let values = try floats()
        guard values.count == 1 else { throw InputError(problem: "expected one number, found \(shape)") }
        return values[0]
    }

    /// The elements as floats, whatever they are.
    func converted() -> [Float] {
        switch elements {
        case .float(let values): values
        case .int64(let values): values.map { Float($0) }
        case .uint8(let values): values.map { Float($0) }
        case .int8(let values): values.map { Float($0) }
        case .bool(let values): values.map { $0 ? 1 : 0 }
        }
    }

    func reshaped(_ shape: [Int]) throws -> ONNXArray {
        guard try Self.count(shape) == count else { throw InputError(problem: "\(self.shape) does not hold \(shape)") }
        return ONNXArray(elements, shape)
    }

    /// The elements at these places of the flat array.
    func picking(_ places: [Int], shape: [Int]) -> ONNXArray {
        switch elements {
        case .float(let values): ONNXArray(.float(places.map { values[$0] }), shape)
        case .int64(let values): ONNXArray(.int64(places.map { values[$0] }), shape)
        case .uint8(let values): ONNXArray(.uint8(places.map { values[$0] }), shape)
        case .int8(let values): ONNXArray(.int8(places.map { values[$0] }), shape)
        case .bool(let values): ONNXArray(.bool(places.map { values[$0] }), shape)
        }
    }

    /// The number of elements of a shape.
    ///
    /// - Throws: `InputError` if it is negative or more than a graph that is checked here can need.
    static func count(_ shape: [Int]) throws -> Int {
        var bound = 1
        for extent in shape {
            // With 0 among them, the product of the others must be possible too: parts of shapes are multiplied as well.
            let (product, overflows) = bound.multipliedReportingOverflow(by: max(extent, 1))
            guard extent >= 0, !overflows, product <= 1 << 30 else {
                throw InputError(problem: "a value of the shape \(shape) is negative or too large")
            }
            bound = product
        }
        return shape.contains(0) ? 0 : bound
    }
}

extension ONNXArray {
    /// f of two arrays, extended to each other's shape as ONNX does (https://onnx.ai/onnx/repo-docs/Broadcasting.html).
    ///
    /// - Throws: `InputError` if the shapes do not fit.
    static func combining(_ a: ONNXArray, _ b: ONNXArray, _ f: (Float, Float) -> Float) throws -> ONNXArray {
        let (x, y) = (try a.floats(), try b.floats())
        if a.shape == b.shape { return ONNXArray(zip(x, y).map(f), a.shape) }
        let shape = try extended(a.shape, b.shape)
        let count = try count(shape)
        if b.count == 1, shape == a.shape { return ONNXArray(x.map { f($0, y[0]) }, shape) }
        if shape == a.shape, b.shape == Array(shape.suffix(b.rank)), !y.isEmpty {
            return ONNXArray(x.indices.map { f(x[$0], y[$0 % y.count]) }, shape)
        }
        let (left, right) = (places(a.shape, in: shape, count), places(b.shape, in: shape, count))
        return ONNXArray((0..<count).map { f(x[left[$0]], y[right[$0]]) }, shape)
    }

    static func extended(_ a: [Int], _ b: [Int]) throws -> [Int] {
        let rank = max(a.count, b.count)
        let padded = [a, b].map { Array(repeating: 1, count: rank - $0.count) + $0 }
        return try zip(padded[0], padded[1]).map { x, y in
            guard x == y || x == 1 || y == 1 else { throw InputError(problem: "\(a) and \(b) do not fit") }
            return x == 1 ? y : x
        }
    }

    /// Where the element of `own` lies that stands at each place of `shape`.
    static func places(_ own: [Int], in shape: [Int], _ count: Int) -> [Int] {
        let padded = Array(repeating: 1, count: shape.count - own.count) + own
        let steps = strides(padded)
        return (0..<count).map { place in
            var (rest, index) = (place, 0)
            for axis in shape.indices.reversed() {
                let position = rest % shape[axis]
                rest /= shape[axis]
                if padded[axis] != 1 { index += position * steps[axis] }
            }
            return index
        }
    }

    /// Elements from one position of an axis to the next.
    static func strides(_ shape: [Int]) -> [Int] {
        var steps = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
        return steps
    }
}
