/// The checksum of TensorBoard's records: CRC-32 with Castagnoli's polynomial (RFC 3720, section 12.1).
public enum CRC32C {
    /// The checksum of each single byte; 0x82F63B78 is the polynomial with its bits reversed.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }

    public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
        }
    }

    /// The checksum as TFRecord files store it: rotated, and moved by a constant, because a checksum over bytes that hold
    /// checksums is weak (tensorflow/core/lib/hash/crc32c.h).
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let value = checksum(bytes)
        return (value >> 15 | value << 17) &+ 0xA282_EAD8
    }
}
