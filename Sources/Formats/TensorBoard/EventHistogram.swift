import Foundation

/// How often values occur, in TensorBoard's buckets: their edges grow by a tenth from 10⁻¹² to 10²⁰, on both sides of
/// zero (`InitDefaultBucketsInner` in tensorflow/core/lib/histogram/histogram.cc).
public struct EventHistogram: Equatable, Sendable {
    public private(set) var minimum = Double.greatestFiniteMagnitude
    public private(set) var maximum = -Double.greatestFiniteMagnitude
    public private(set) var count = 0
    public private(set) var sum = 0.0
    public private(set) var sumOfSquares = 0.0
    private var buckets = [Int](repeating: 0, count: edges.count)

    public init() {}

    /// Counts finite values.
    ///
    /// - Returns: false if one of them is not; the histogram is then of no use.
    public mutating func add(_ values: UnsafeBufferPointer<Float>) -> Bool {
        guard values.allSatisfy(\.isFinite) else { return false }
        Self.edges.withUnsafeBufferPointer { edges in
            buckets.withUnsafeMutableBufferPointer { buckets in
                for value in values {
                    let value = Double(value)
                    minimum = min(minimum, value)
                    maximum = max(maximum, value)
                    sum += value
                    sumOfSquares += value * value
                    buckets[Self.bucket(of: value, edges)] += 1
                }
            }
        }
        count += values.count
        return true
    }

    /// Counts so many zeros.
    public mutating func add(zeros: Int) {
        guard zeros > 0 else { return }
        (minimum, maximum) = (min(minimum, 0), max(maximum, 0))
        buckets[Self.edges.withUnsafeBufferPointer { Self.bucket(of: 0, $0) }] += zeros
        count += zeros
    }

    /// Upper edges and counts. Buckets without values that lie side by side are one, as TensorFlow writes them.
    public var filled: [(limit: Double, count: Int)] {
        var filled: [(limit: Double, count: Int)] = []
        for (limit, count) in zip(Self.edges, buckets) {
            if count == 0, filled.last?.count == 0 { filled.removeLast() }
            filled.append((limit, count))
        }
        return filled
    }

    /// The first edge that lies above a value; the last bucket takes what is left.
    private static func bucket(of value: Double, _ edges: UnsafeBufferPointer<Double>) -> Int {
        var (low, high) = (0, edges.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if edges[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }

    static let edges: [Double] = {
        var positive = Array(sequence(first: 1e-12) { $0 * 1.1 }.prefix { $0 < 1e20 })
        positive.append(.greatestFiniteMagnitude)
        return positive.reversed().map { -$0 } + [0] + positive
    }()
}
