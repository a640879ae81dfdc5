import Files
import Foundation

/// int4 weights in the `pack-quantized` layout of the `compressed-tensors` package, which stands for a matrix X: [O, I] as
///
/// - `X_packed` I32 [O, I / 8]: eight neighbouring levels a word, each 8 higher than it is, the first in the low bits;
/// - `X_scale` F16 (or BF16, F32) [O, I / group]: the weights are scale · level;
/// - `X_shape` I64 or I32 [2]: O and I.
public enum PackedInt4 {
    static let suffixes = (packed: "_packed", scale: "_scale", shape: "_shape")
    /// Levels in a word.
    private static let perWord = 8
    /// Levels of a block of ggml's Q4_0.
    private static let perBlock = 32

    /// The tensors of a matrix.
    ///
    /// - Parameters:
    ///   - levels: −8…7, row-major: [O, I], I a multiple of 8.
    ///   - scales: [O, I / group], each of them a number that a half holds.
    public static func tensors(
        _ name: String, rows: Int, width: Int, levels: [Int8], scales: [Float]
    ) -> [(name: String, tensor: StoredTensor)] {
        precondition(
            width.isMultiple(of: perWord) && levels.count == rows * width && scales.count.isMultiple(of: rows),
            "PackedInt4: \(levels.count) levels and \(scales.count) scales for \(rows) × \(width)")
        let words = (0..<levels.count / perWord).map { word -> Int32 in
            var bits: UInt32 = 0
            for index in 0..<perWord { bits |= UInt32(levels[word * perWord + index] + 8) << (4 * index) }
            return Int32(bitPattern: bits)
        }
        return [
            (name + suffixes.packed, .int32(shape: [rows, width / perWord], words)),
            (name + suffixes.scale, .float16(shape: [rows, scales.count / rows], bits: scales.map(half))),
            (name + suffixes.shape, .int64(shape: [2], [Int64(rows), Int64(width)])),
        ]
    }

    /// The matrix that three tensors stand for: in blocks of Q4_0 where halves hold the scales and groups are whole blocks,
    /// which runs as it is; else F32.
    ///
    /// - Throws: `InputError` if the types or shapes do not belong together.
    static func matrix(packed: StoredTensor, scale: StoredTensor, shape: StoredTensor) throws -> StoredTensor {
        let extents = try shape.int64().map { Int(clamping: $0) }
        guard extents.count == 2, extents.allSatisfy({ $0 > 0 }), extents[1].isMultiple(of: perWord),
            packed.type == .int32, packed.shape == [extents[0], extents[1] / perWord]
        else {
            throw InputError(
                problem:
                    "\(packed.type.rawValue) \(packed.shape) is not eight levels of 4 bits a word of the shape \(extents)"
            )
        }
        guard scale.shape.count == 2, scale.shape[0] == extents[0], scale.shape[1] > 0,
            extents[1].isMultiple(of: scale.shape[1])
        else {
            throw InputError(
                problem: "scales of the shape \(scale.shape) do not divide rows of the shape \(extents) into groups")
        }
        let group = extents[1] / scale.shape[1]
        let scales = try scale.float32()
        guard scales.allSatisfy(\.isFinite) else { throw InputError(problem: "a scale is NaN or infinite") }
        let halves = scales.map(half)
        guard group.isMultiple(of: perBlock),
            try StoredTensor.float16(shape: scale.shape, bits: halves).float32() == scales
        else {
            return .float32(shape: extents, multiplied(packed, scales, group: group))
        }
        return try StoredTensor(type: .q40, shape: extents, bytes: blocks(packed, halves, perScale: group / perBlock))
    }

    private static func multiplied(_ packed: StoredTensor, _ scales: [Float], group: Int) -> [Float] {
        packed.bytes.withUnsafeBytes { bytes in
            (0..<bytes.count * 2).map { index in
                let level = index.isMultiple(of: 2) ? bytes[index / 2] & 15 : bytes[index / 2] >> 4
                return scales[index / group] * Float(Int(level) - 8)
            }
        }
    }

    /// Q4_0 has the levels 0…15 of the first half of a block in the low, of the second in the high halves of bytes.
    private static func blocks(_ packed: StoredTensor, _ halves: [UInt16], perScale: Int) -> Data {
        let size = ElementType.q40.size
        let count = packed.bytes.count / (perBlock / 2)
        var result = Data(count: count * size)
        result.withUnsafeMutableBytes { target in
            packed.bytes.withUnsafeBytes { source in
                for block in 0..<count {
                    let (from, to) = (block * perBlock / 2, block * size)
                    target.storeBytes(of: halves[block / perScale], toByteOffset: to, as: UInt16.self)
                    for index in 0..<perBlock / 4 {
                        let (low, high) = (source[from + index], source[from + perBlock / 4 + index])
                        target[to + 2 + 2 * index] = low & 15 | high << 4
                        target[to + 3 + 2 * index] = low >> 4 | high & 0xF0
                    }
                }
            }
        }
        return result
    }
}

extension StoredWeights {
    /// These weights with every packed int4 matrix `X_packed`, `X_scale`, `X_shape` as the one tensor X that it stands for.
    ///
    /// - Throws: `InputErrors` with each matrix whose parts are missing or do not belong together.
    public func unpackingInt4() throws -> StoredWeights {
        var (names, tensors, errors): ([String], [String: StoredTensor], [InputError]) = ([], self.tensors, [])
        for name in self.names {
            guard name.hasSuffix(PackedInt4.suffixes.packed) else {
                names.append(name)
                continue
            }
            let matrix = String(name.dropLast(PackedInt4.suffixes.packed.count))
            let (scale, shape) = (matrix + PackedInt4.suffixes.scale, matrix + PackedInt4.suffixes.shape)
            do {
                guard let packed = tensors.removeValue(forKey: name), let scales = tensors.removeValue(forKey: scale),
                    let extents = tensors.removeValue(forKey: shape)
                else { throw InputError(problem: "\(scale) or \(shape) is missing") }
                guard self.tensors[matrix] == nil else { throw InputError(problem: "\(matrix) is there as well") }
                tensors[matrix] = try PackedInt4.matrix(packed: packed, scale: scales, shape: extents)
                names.append(matrix)
            } catch let error as InputError {
                errors.append(InputError(file: file(of: name), field: name, problem: error.problem))
            }
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        return replacing(names, tensors)
    }
}
