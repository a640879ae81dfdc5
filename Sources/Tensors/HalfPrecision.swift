import CKernels

/// IEEE half-precision numbers as a storage format: 16 bits each, rounded to nearest even.
public enum HalfPrecision {
    public static func encode(_ values: [Float]) -> [UInt16] {
        [UInt16](unsafeUninitializedCapacity: values.count) { buffer, count in
            if let base = buffer.baseAddress { kernels.float_to_half(values, base, values.count) }
            count = values.count
        }
    }

    public static func decode(_ bits: [UInt16]) -> [Float] {
        [Float](unsafeUninitializedCapacity: bits.count) { buffer, count in
            bits.withUnsafeBytes { bytes in
                guard let base = buffer.baseAddress, let start = bytes.baseAddress else { return }
                kernels.expand_float16(start.assumingMemoryBound(to: UInt8.self), bits.count, base)
            }
            count = bits.count
        }
    }
}
