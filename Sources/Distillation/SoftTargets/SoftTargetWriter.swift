import Files
public import Formats
import Foundation
public import Tensors

/// Fills one soft-target file: first its rows, then their predictions and states, in the order of the rows.
public struct SoftTargetWriter {
    private let predictions: Predictions?
    private let columns: [(path: String, append: (Tensor) throws -> Void)]

    private struct Predictions {
        let append: ([Float]) throws -> Void
        let ids: HDF5RowAppender<Int32>?
        let logNormalizers: HDF5RowAppender<Double>?
    }

    /// Writes the description and the rows.
    ///
    /// - Parameters:
    ///   - rows: none empty.
    ///   - columns: the states that will be appended, with their widths.
    ///   - notes: what is worth knowing and decides nothing.
    public init(
        _ file: HDF5Writer, _ description: SoftTargetDescription, rows: [[Int32]],
        columns: [(column: TargetColumn, width: Int)], plan: TargetPlan, notes: [String: HDF5Attribute] = [:]
    ) throws {
        try description.write(to: file, notes: notes)
        try file.write(rows.map(TokenRow.hash), shape: [rows.count], to: SoftTargetFile.hashes)
        let offsets = rows.reduce(into: [Int64(0)]) { $0.append($0[$0.count - 1] + Int64($1.count)) }
        try file.write(offsets, shape: [rows.count + 1], to: SoftTargetFile.offsets, deflate: 1)
        let tokens = rows.flatMap { $0 }
        try file.write(tokens, shape: [tokens.count], to: SoftTargetFile.tokens, deflate: 1)
        predictions = try description.predictions.map { predictions in
            let width = [predictions.kept]
            return Predictions(
                append: try Self.appender(
                    plan.probabilities, width: predictions.kept, to: SoftTargetFile.logProbabilities, deflate: 1, file),
                ids: predictions.areComplete
                    ? nil : try file.createRows(of: Int32.self, rowShape: width, to: SoftTargetFile.ids, deflate: 1),
                logNormalizers: description.temperatures.isEmpty
                    ? nil
                    : try file.createRows(
                        of: Double.self, rowShape: [description.temperatures.count],
                        to: SoftTargetFile.logNormalizers, deflate: 1))
        }
        self.columns = try columns.map { column, width in
            let append = try Self.appender(plan.states, width: width, to: column.path, deflate: plan.deflate, file)
            return (column.path, { try append($0.values) })
        }
    }

    /// Appends the predictions of some rows, and of their positions.
    ///
    /// - Parameters:
    ///   - ids: nil where all outcomes are kept.
    ///   - logNormalizers: [P, temperatures].
    public func append(ids: [Int32]?, logProbabilities: [Float], logNormalizers: [Double]) throws {
        try predictions?.append(logProbabilities)
        if let ids { try predictions?.ids?.append(ids) }
        try predictions?.logNormalizers?.append(logNormalizers)
    }

    /// Appends the states of some rows, one tensor per column.
    public func append(_ states: [Tensor]) throws {
        for (column, states) in zip(columns, states) { try column.append(states) }
    }

    /// How values of an element type go to the end of a new dataset.
    private static func appender(
        _ element: TargetElement, width: Int, to path: String, deflate: Int, _ file: HDF5Writer
    ) throws -> ([Float]) throws -> Void {
        switch element {
        case .float32:
            let rows = try file.createRows(of: Float.self, rowShape: [width], to: path, deflate: deflate)
            return { try rows.append($0) }
        case .float16:
            let rows = try file.createRows(of: UInt16.self, rowShape: [width], to: path, deflate: deflate)
            return { values in
                try check(values, path)
                try rows.append(HalfPrecision.encode(values))
            }
        case .bfloat16:
            let rows = try file.createRows(of: BFloat16Bits.self, rowShape: [width], to: path, deflate: deflate)
            return { try rows.append(BFloat16.encode($0).map(BFloat16Bits.init)) }
        }
    }

    /// Half precision ends at 65,504: larger values would become infinite without a word.
    private static func check(_ values: [Float], _ path: String) throws {
        let largest = values.reduce(Float(0)) { max($0, $1.isFinite ? abs($1) : 0) }
        guard largest <= 65_504 else {
            throw InputError(
                field: path, problem: "values reach \(largest), beyond float16",
                remedy: "record in float32 or bfloat16 (teacher.targets.dtype, or --dtype)")
        }
    }
}
