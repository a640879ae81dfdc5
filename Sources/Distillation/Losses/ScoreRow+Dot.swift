import Tensors

extension ScoreRow {
    /// Σ x · y in lanes of float32, which are added up in double precision.
    func dot(_ other: ScoreRow) -> Double {
        guard let a = baseAddress.map(UnsafeRawPointer.init), let b = other.baseAddress.map(UnsafeRawPointer.init)
        else {
            return 0
        }
        var lanes = SIMD16<Float>()
        let whole = count / 16 * 16
        for i in stride(from: 0, to: whole * 4, by: 64) {
            lanes +=
                a.loadUnaligned(fromByteOffset: i, as: SIMD16<Float>.self)
                * b.loadUnaligned(fromByteOffset: i, as: SIMD16<Float>.self)
        }
        var sum = 0.0
        for lane in 0..<16 { sum += Double(lanes[lane]) }
        for i in whole..<count { sum += Double(self[i]) * Double(other[i]) }
        return sum
    }
}
