import Foundation

/// Counter-based random numbers: a value depends on its key and index alone, never on the order of execution.
///
/// Keys are made by mixing in what they stand for: `RandomKey(seed).mixed(epoch).mixed(sample)`. The mixer is
/// SplitMix64's finalizer (Steele, Lea, Flood 2014).
public struct RandomKey: Equatable, Sendable {
    public let value: UInt64

    public init(_ seed: UInt64) {
        value = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    }

    private init(raw value: UInt64) {
        self.value = value
    }

    /// The key for part `part` of what this key stands for.
    public func mixed(_ part: UInt64) -> RandomKey {
        RandomKey(raw: Self.mix(value &+ 0x9E37_79B9_7F4A_7C15 &* (part &+ 1)))
    }

    public func mixed(_ part: Int) -> RandomKey {
        mixed(UInt64(bitPattern: Int64(part)))
    }

    /// The key for a named part, such as a parameter: FNV-1a of its UTF-8 bytes is mixed in.
    public func mixed(_ name: String) -> RandomKey {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return mixed(hash)
    }

    /// Value `index` of the stream, uniform over all 64-bit patterns.
    public func bits(_ index: Int) -> UInt64 {
        mixed(index).value
    }

    /// Value `index` of the stream, uniform in [0, 1).
    public func uniform(_ index: Int) -> Double {
        Double(bits(index) >> 11) * 0x1p-53
    }

    /// Value `index` of the stream, normal with mean 0 and deviation 1 (Box–Muller).
    public func normal(_ index: Int) -> Double {
        let radius = (-2 * log(1 - uniform(2 * index))).squareRoot()
        return radius * cos(2 * .pi * uniform(2 * index + 1))
    }

    /// `0..<count` in a random order (Fisher–Yates).
    public func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(bits(last) % UInt64(last + 1)))
        }
        return order
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
