import Foundation
import Tensors

/// log softmax(z / T) per row in double precision. z: [B, C].
func logSoftmax(_ logits: Tensor, temperature: Double) -> [Double] {
    let width = logits.width
    return logits.withUnsafeBufferPointer { z in
        var result = [Double](repeating: 0, count: z.count)
        for start in stride(from: 0, to: z.count, by: width) {
            var maximum = -Double.infinity
            for j in start..<start + width { maximum = max(maximum, Double(z[j])) }
            var sum = 0.0
            for j in start..<start + width { sum += exp((Double(z[j]) - maximum) / temperature) }
            let shift = log(sum)
            for j in start..<start + width { result[j] = (Double(z[j]) - maximum) / temperature - shift }
        }
        return result
    }
}
