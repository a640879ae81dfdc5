import Files

extension ONNXOperation {
    static func unsqueeze(_ x: ONNXArray, axes: [Int]) throws -> ONNXArray {
        var shape = x.shape
        for axis in axes.sorted() {
            guard (0...shape.count).contains(axis) else { throw InputError(problem: "no axis \(axis) in \(shape)") }
            shape.insert(1, at: axis)
        }
        return try x.reshaped(shape)
    }

    /// 0 keeps an extent, −1 takes what is left.
    static func reshape(_ x: ONNXArray, _ wanted: [Int]) throws -> ONNXArray {
        var shape = try wanted.enumerated().map { axis, extent in
            guard extent >= -1, extent != 0 || axis < x.rank else {
                throw InputError(problem: "\(x.shape) to \(wanted)")
            }
            return extent == 0 ? x.shape[axis] : extent
        }
        if let free = shape.firstIndex(of: -1) {
            let others = try ONNXArray.count(shape.enumerated().map { $0 == free ? 1 : $1 })
            guard others > 0 else { throw InputError(problem: "\(x.shape) to \(wanted)") }
            shape[free] = x.count / others
        }
        return try x.reshaped(shape)
    }

    static func transpose(_ x: ONNXArray, _ order: [Int]) throws -> ONNXArray {
        guard order.sorted() == Array(0..<x.rank) else { throw InputError(problem: "order \(order) of \(x.shape)") }
        let (steps, shape) = (ONNXArray.strides(x.shape), order.map { x.shape[$0] })
        let moved = order.map { steps[$0] }
        var places = [Int](repeating: 0, count: x.count)
        var position = [Int](repeating: 0, count: x.rank)
        var place = 0
        for index in places.indices {
            places[index] = place
            var axis = x.rank - 1
            while axis >= 0 {
                position[axis] += 1
                place += moved[axis]
                if position[axis] < shape[axis] { break }
                place -= moved[axis] * shape[axis]
                position[axis] = 0
                axis -= 1
            }
        }
        return x.picking(places, shape: shape)
    }

    static func gather(_ x: ONNXArray, _ indices: ONNXArray, axis: Int) throws -> ONNXArray {
        guard (0..<x.rank).contains(axis) else { throw InputError(problem: "no axis \(axis) in \(x.shape)") }
        let (ids, extent) = (try indices.integers(), x.shape[axis])
        let inner = x.shape[(axis + 1)...].reduce(1, *)
        let outer = x.shape[..<axis].reduce(1, *)
        if let wrong = ids.first(where: { !(0..<extent).contains($0) }) {
            throw InputError(problem: "the index \(wrong) is outside of \(extent) rows")
        }
        let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
        _ = try ONNXArray.count(shape)
        let places = (0..<outer).flatMap { block in
            ids.flatMap { id in (0..<inner).map { (block * extent + id) * inner + $0 } }
        }
        return x.picking(places, shape: shape)
    }

    /// Rows of the first axis.
    static func slice(_ x: ONNXArray, from starts: [Int], to ends: [Int], axes: [Int]) throws -> ONNXArray {
        guard axes == [0], starts.count == 1, ends.count == 1, x.rank > 0, starts[0] >= 0, ends[0] >= starts[0] else {
            throw InputError(problem: "a slice of other axes than the first is not run here")
        }
        let inner = x.shape.dropFirst().reduce(1, *)
        let (start, end) = (min(starts[0], x.shape[0]), min(ends[0], x.shape[0]))
        return x.picking(Array(start * inner..<end * inner), shape: [end - start] + x.shape.dropFirst())
    }

    static func choose(_ condition: ONNXArray, _ x: ONNXArray, _ y: ONNXArray) throws -> ONNXArray {
        guard case .bool(let flags) = condition.elements else {
            throw InputError(problem: "Where without truth values")
        }
        let shape = try ONNXArray.extended(ONNXArray.extended(condition.shape, x.shape), y.shape)
        let count = try ONNXArray.count(shape)
        let places = [condition, x, y].map { ONNXArray.places($0.shape, in: shape, count) }
        let (a, b) = (try x.floats(), try y.floats())
        return ONNXArray((0..<count).map { flags[places[0][$0]] ? a[places[1][$0]] : b[places[2][$0]] }, shape)
    }

    /// f of the elements along one axis.
    static func reduce(
        _ x: ONNXArray, _ axes: [Int], keeping: Int, _ f: ([Float]) -> Float
    ) throws -> ONNXArray {
        guard axes.count == 1, (0..<x.rank).contains(axes[0]) else {
            throw InputError(problem: "a reduction over the axes \(axes) of \(x.shape) is not run here")
        }
        let (axis, values) = (axes[0], try x.floats())
        let (extent, inner) = (x.shape[axis], x.shape[(axis + 1)...].reduce(1, *))
        let outer = x.shape[..<axis].reduce(1, *)
        let made = (0..<outer).flatMap { block in
            (0..<inner).map { column in f((0..<extent).map { values[(block * extent + $0) * inner + column] }) }
        }
        var shape = x.shape
        if keeping == 1 { shape[axis] = 1 } else { shape.remove(at: axis) }
        return ONNXArray(made, shape)
    }
}
