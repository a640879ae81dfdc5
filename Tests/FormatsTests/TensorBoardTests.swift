import Formats
import Foundation
import Testing

@Suite struct TensorBoardTests {
    /// RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func `CRC-32C has the published values`(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.checksum(bytes) == expected)
    }

    private static func file() throws -> Data {
        try TensorBoardEvent.header(time: 1, writer: "test")
            + (1...3).map { step in
                try TensorBoardEvent(
                    time: 1.5, step: step, values: [("student/loss", .scalar(0.5)), ("student/kl", .scalar(0.25))]
                ).record()
            }.joined()
    }

    @Test func `the first record is the one that other writers make`() throws {
        // Made by tensorboard 2.21.0: RecordWriter.write(Event(wall_time=1, file_version="brain.Event:2",
        // source_metadata=SourceMetadata(writer="test")).SerializeToString()).
        let expected =
            "200000000000000029eda95009000000000000f03f1a0d627261696e2e4576656e743a3252060a04746573743ed2f2a1"
        let header = try TensorBoardEvent.header(time: 1, writer: "test")
        #expect(header.map { String(format: "%02x", $0) }.joined() == expected)
    }

    @Test func `a file is read up to where it is cut`() throws {
        let file = try Self.file()
        let places = TensorBoardEvent.places(in: file)
        #expect(places.map(\.step) == [0, 1, 2, 3])
        #expect(places.map(\.tags) == [[]] + Array(repeating: ["student/loss", "student/kl"], count: 3))
        #expect(places.map(\.range.upperBound) == places.dropFirst().map(\.range.lowerBound) + [file.count])
        for size in 0..<file.count {
            let whole = places.prefix { $0.range.upperBound <= size }
            #expect(TensorBoardEvent.places(in: file.prefix(size)).map(\.range) == whole.map(\.range))
        }
    }

    @Test func `a changed byte ends the file before its record`() throws {
        let file = try Self.file()
        let places = TensorBoardEvent.places(in: file)
        for index in file.indices {
            for bit in [0, 7] {
                var damaged = file
                damaged[index] ^= 1 << UInt8(bit)
                let before = places.prefix { $0.range.upperBound <= index }
                #expect(TensorBoardEvent.places(in: damaged).map(\.range) == before.map(\.range))
            }
        }
    }

    @Test func `a length that the file does not have is not believed`() throws {
        for length: UInt64 in [.max, .max - 15, 1 << 63 - 1, 1 << 40, 1] {
            var bytes = Data()
            withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
            let checksum = CRC32C.checksum(bytes)
            let masked = (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
            withUnsafeBytes(of: masked.littleEndian) { bytes.append(contentsOf: $0) }
            #expect(TensorBoardEvent.places(in: bytes + Data(count: 4)).isEmpty)
        }
    }

    @Test func `each value lies below its bucket's edge and not below the one before`() {
        let values: [Float] = [
            0, -0.0, 1e-12, 1.05e-12, -1e-12, 3, -3, 3.1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 2e20, -2e20,
            .pi,
        ]
        var histogram = EventHistogram()
        #expect(values.withUnsafeBufferPointer { histogram.add($0) })
        histogram.add(zeros: 5)
        #expect(histogram.count == 18)
        #expect((histogram.minimum, histogram.maximum) == (Double(Float(-2e20)), Double(Float(2e20))))
        var lower = -Double.infinity
        for (limit, count) in histogram.filled {
            let inside = (values + Array(repeating: 0, count: 5)).count { lower <= Double($0) && Double($0) < limit }
            #expect(count == inside, "\(lower) to \(limit)")
            lower = limit
        }
        #expect(histogram.filled.last?.limit == Double.greatestFiniteMagnitude)
        #expect(zip(histogram.filled, histogram.filled.dropFirst()).allSatisfy { $0.count > 0 || $1.count > 0 })
    }

    @Test func `sums are those of the values`() {
        var histogram = EventHistogram()
        #expect([1, 2, -4].withUnsafeBufferPointer { histogram.add($0) })
        #expect((histogram.sum, histogram.sumOfSquares) == (-1, 21))
    }

    @Test func `values that are not finite make no histogram`() {
        for value in [Float.nan, .infinity] {
            var histogram = EventHistogram()
            #expect(![1, value].withUnsafeBufferPointer { histogram.add($0) })
        }
    }
}
