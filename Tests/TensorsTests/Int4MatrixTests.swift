import Foundation
import Tensors
import Testing

@Suite("int4 weights in groups")
struct Int4MatrixTests {
    @Test(
        "levels fit four bits, scales halves, and the error is below that of scales from the largest weight",
        arguments: [32, 64])
    func error(group: Int) {
        let (rows, width) = (37, 192)
        let x = tensor([rows, width], "w")
        let matrix = Int4Matrix(quantizing: x, group: group)
        #expect(matrix.levels.allSatisfy { (-8...7).contains($0) })
        #expect(matrix.scales.allSatisfy { Float(Float16($0)) == $0 } && matrix.scales.count == rows * width / group)
        var (searched, plain) = (0.0, 0.0)
        let found = matrix.dequantized.values
        for start in stride(from: 0, to: x.count, by: group) {
            let own = x.values[start..<start + group]
            let largest = own.max { abs($0) < abs($1) } ?? 0
            let scale = Float(Float16(largest / -8))
            for index in own.indices {
                let level = min(7, max(-8, (own[index] / scale).rounded(.toNearestOrEven)))
                plain += pow(Double(own[index] - level * scale), 2)
                searched += pow(Double(own[index] - found[index]), 2)
                #expect(abs(own[index] - found[index]) < 1.6 * abs(matrix.scales[index / group]))
            }
        }
        #expect(searched < 0.95 * plain, "\(searched) against \(plain)")
    }

    @Test("weights on the grid stay as they are, zeros stay zeros, tiny groups become zeros")
    func exact() {
        let levels = (0..<32).map { Float(($0 * 7) % 16 - 8) }
        let x = Tensor(
            levels.map { 0.25 * $0 } + [Float](repeating: 0, count: 32) + levels.map { 1e-12 * $0 }, shape: [1, 96])
        let matrix = Int4Matrix(quantizing: x, group: 32)
        #expect(matrix.dequantized.values == levels.map { 0.25 * $0 } + [Float](repeating: 0, count: 64))
        #expect(matrix.scales.allSatisfy { $0.isFinite && $0 != 0 })
    }
}
