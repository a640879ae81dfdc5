import Files
import Formats
import Layers
import Tensors

extension Parameter {
    /// Takes up a part of a stored tensor, which has the shape that the part asks for.
    ///
    /// - Throws: `InputError` for elements that are no numbers.
    func copy(_ part: StoredPart, of tensor: StoredTensor) throws {
        let source = try FloatSource(tensor)
        let outputs = value.shape[0]
        let width = value.count / max(outputs, 1)
        precondition(
            part.first >= 0 && part.first + outputs <= part.outputs ?? outputs
                && part.order.map { $0.count == outputs && $0.allSatisfy((0..<outputs).contains) } ?? true,
            "Parameter.copy: \(part) for \(name) of shape \(value.shape)")
        value.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            // Each thread writes its own outputs.
            nonisolated(unsafe) let destination = base
            // At least a quarter of a megabyte each: below that a thread costs more than it saves.
            Threads.forEachChunk(of: outputs, grain: max(1, (1 << 16) / max(width, 1))) { range in
                if part.isTransposed && width > 1 {
                    source.copyTransposed(
                        part.storedOutputs(range), of: part.outputs ?? outputs, width: width,
                        to: destination + range.lowerBound * width)
                } else {
                    var place = destination + range.lowerBound * width
                    for run in part.storedOutputs(range) {
                        source.copy(run.lowerBound * width..<run.upperBound * width, to: place)
                        place += run.count * width
                    }
                }
            }
        }
    }
}

/// The elements of a stored tensor as Float32: converted where they are asked for, or at once for rare types.
private enum FloatSource: Sendable {
    case stored(StoredTensor)
    case converted([Float])

    init(_ tensor: StoredTensor) throws {
        guard !tensor.type.isInteger else {
            throw InputError(
                problem: "found \(tensor.type.rawValue), expected floating-point numbers such as F32, F16 or BF16")
        }
        self = tensor.holdsFloats ? .stored(tensor) : .converted(try tensor.float32())
    }

    func copy(_ range: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
        switch self {
        case .stored(let tensor): tensor.copyFloats(range, to: destination)
        case .converted(let values):
            values.withUnsafeBufferPointer {
                destination.update(from: $0.baseAddress! + range.lowerBound, count: range.count)
            }
        }
    }

    /// Columns of a stored [I, O] as rows of [outputs, I]; `width` is I.
    func copyTransposed(
        _ runs: [Range<Int>], of stored: Int, width: Int, to destination: UnsafeMutablePointer<Float>
    ) {
        // A block of inputs is converted run by run and written as short pieces of many rows.
        let block = 16
        let longest = runs.map(\.count).max() ?? 0
        withUnsafeTemporaryAllocation(of: Float.self, capacity: block * longest) { scratch in
            guard let lines = scratch.baseAddress else { return }
            for start in stride(from: 0, to: width, by: block) {
                let inputs = min(block, width - start)
                var row = 0
                for run in runs {
                    for input in 0..<inputs {
                        let line = (start + input) * stored
                        copy(line + run.lowerBound..<line + run.upperBound, to: lines + input * longest)
                    }
                    for output in 0..<run.count {
                        let place = destination + (row + output) * width + start
                        for input in 0..<inputs { place[input] = lines[input * longest + output] }
                    }
                    row += run.count
                }
            }
        }
    }
}
