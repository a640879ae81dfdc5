import Files
import Formats
public import Foundation
public import Models
import Tensors

/// Runs a teacher over token rows and records what it says: see `SoftTargetFile` for the layout.
public struct SoftTargetRecorder {
    /// Element type of recorded hidden states.
    public enum Precision: String, Sendable { case float16, float32 }

    private let teacher: Encoder
    private let layers: [Int]
    private let precision: Precision
    private let attributes: [String: String]

    /// - Parameters:
    ///   - layers: the hidden states to keep, 0 being the embedding output.
    ///   - attributes: how the targets came to be; written into the file.
    public init(teacher: Encoder, layers: [Int], precision: Precision, attributes: [String: String]) {
        precondition(
            layers.allSatisfy { (0...teacher.configuration.layers).contains($0) }, "no teacher layers \(layers)")
        self.teacher = teacher
        self.layers = layers
        self.precision = precision
        self.attributes = attributes
    }

    /// Records every distinct row once. The file appears whole, or not at all.
    ///
    /// - Parameter progress: hears how many of how many rows are done; what it throws ends the recording.
    /// - Returns: the number of distinct rows.
    public func record(
        _ sequences: [[Int32]], to url: URL, progress: (Int, Int) throws -> Void
    ) throws -> Int {
        var seen: Set<[Int32]> = []
        // Rows of one length after another: the work per batch is even.
        let rows = sequences.filter { seen.insert($0).inserted }.sorted { $0.count < $1.count }
        let positions = rows.reduce(0) { $0 + $1.count }
        let width = teacher.configuration.hiddenSize * layers.count * (precision == .float16 ? 2 : 4) + 4
        let perRow = 4 * teacher.configuration.labels.count + 16
        try AtomicFile.requireRoom(for: positions * width + rows.count * perRow + (4 << 20), at: url)
        try HDF5File.create(at: url) { file in
            try describe(file)
            try file.write(rows.map(TokenRow.hash), shape: [rows.count], to: SoftTargetFile.hashes)
            let offsets = rows.reduce(into: [Int64(0)]) { $0.append($0[$0.count - 1] + Int64($1.count)) }
            try file.write(offsets, shape: [rows.count + 1], to: SoftTargetFile.offsets)
            let tokens = rows.flatMap { $0 }
            try file.write(tokens, shape: [tokens.count], to: SoftTargetFile.tokens)
            try run(rows, into: file, progress: progress)
        }
        return rows.count
    }

    private func describe(_ file: HDF5Writer) throws {
        try file.setAttribute("format", to: .string(SoftTargetFile.format))
        try file.setAttribute("schema", to: .integer(Int64(SoftTargetFile.schema)))
        try file.setAttribute("classes", to: .integer(Int64(teacher.configuration.labels.count)))
        try file.setAttribute("layers", to: .string(layers.map(String.init).joined(separator: ",")))
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            try file.setAttribute(name, to: .string(value))
        }
    }

    /// Half precision ends at 65,504: larger values would become infinite without a word.
    private func check(_ states: Tensor, layer: Int) throws {
        let largest = states.values.reduce(Float(0)) { max($0, abs($1)) }
        guard states.isFinite, precision == .float32 || largest <= 65_504 else {
            throw InputError(
                field: SoftTargetFile.hiddenStates(layer),
                problem: "the teacher's hidden states reach \(states.isFinite ? "\(largest)" : "infinity or NaN")",
                remedy: "set teacher.targets.dtype=float32, or look for a damaged teacher")
        }
    }

    private func run(_ rows: [[Int32]], into file: HDF5Writer, progress: (Int, Int) throws -> Void) throws {
        let width = teacher.configuration.hiddenSize
        let predictions = try file.createRows(
            of: Float.self, rowShape: [teacher.configuration.labels.count], to: SoftTargetFile.logProbabilities)
        let append: [(Int, (Tensor) throws -> Void)] = try layers.map { layer in
            let path = SoftTargetFile.hiddenStates(layer)
            switch precision {
            case .float16:
                let states = try file.createRows(of: UInt16.self, rowShape: [width], to: path)
                return (layer, { try states.append(HalfPrecision.encode($0.values)) })
            case .float32:
                let states = try file.createRows(of: Float.self, rowShape: [width], to: path)
                return (layer, { try states.append($0.values) })
            }
        }
        let batch = 64
        for start in stride(from: 0, to: rows.count, by: batch) {
            let range = start..<min(start + batch, rows.count)
            let packed = PackedBatch(Array(rows[range]), samples: Array(range))
            let output = teacher.forward(packed, on: Tape(recording: false))
            try predictions.append(logSoftmax(output.logits.value, temperature: 1).map { Float($0) })
            for (layer, append) in append {
                let states = output.hiddenStates[layer].value
                try check(states, layer: layer)
                try append(states)
            }
            try progress(range.upperBound, rows.count)
        }
    }
}
