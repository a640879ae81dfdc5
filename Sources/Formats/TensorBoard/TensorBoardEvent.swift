public import Foundation
import SwiftProtobuf

/// One entry of a TensorBoard event file (`events.out.tfevents.…`): named numbers and histograms of a step.
public struct TensorBoardEvent: Sendable {
    public enum Value: Sendable {
        case scalar(Float)
        case histogram(EventHistogram)
    }

    /// Seconds since 1970.
    public var time: Double
    public var step: Int
    /// In their order; TensorBoard groups names by what stands before the first `/`.
    public var values: [(tag: String, value: Value)]

    public init(time: Double, step: Int, values: [(tag: String, value: Value)]) {
        self.time = time
        self.step = step
        self.values = values
    }

    /// What a file begins with.
    ///
    /// - Parameter writer: the name of the program.
    public static func header(time: Double, writer: String) throws -> Data {
        var event = Tensorboard_Event()
        event.wallTime = time
        event.fileVersion = "brain.Event:2"
        event.sourceMetadata.writer = writer
        return try TFRecords.record(event.serializedData())
    }

    /// The bytes of the entry, as they are appended to a file.
    public func record() throws -> Data {
        var event = Tensorboard_Event()
        event.wallTime = time
        event.step = Int64(step)
        event.summary.value = values.map { tag, value in
            var entry = Tensorboard_Summary.Value()
            entry.tag = tag
            switch value {
            case .scalar(let number): entry.simpleValue = number
            case .histogram(let histogram): entry.histo = Tensorboard_HistogramProto(histogram)
            }
            return entry
        }
        return try TFRecords.record(event.serializedData())
    }

    /// An entry that is in a file already: as much of it as tells whether it stays.
    public struct Place: Sendable {
        public var step: Int
        /// Empty for the first entry.
        public var tags: [String]
        /// Where its bytes lie, those of the framing included.
        public var range: Range<Int>
    }

    /// The entries of a file, up to the first one that is cut off or damaged.
    public static func places(in file: Data) -> [Place] {
        var places: [Place] = []
        for range in TFRecords.ranges(in: file) {
            guard let event = try? Tensorboard_Event(serializedBytes: file[range]) else { break }
            places.append(
                Place(
                    step: Int(event.step), tags: event.summary.value.map(\.tag),
                    range: range.lowerBound - TFRecords.head..<range.upperBound + TFRecords.tail))
        }
        return places
    }
}

extension Tensorboard_HistogramProto {
    fileprivate init(_ histogram: EventHistogram) {
        min = histogram.minimum
        max = histogram.maximum
        num = Double(histogram.count)
        sum = histogram.sum
        sumSquares = histogram.sumOfSquares
        let filled = histogram.filled
        bucketLimit = filled.map(\.limit)
        bucket = filled.map { Double($0.count) }
    }
}
