import Formats
public import Foundation

/// An exported ONNX file, read back and run here, apart from the code that wrote it.
public struct ONNXProof {
    private let runner: ONNXRunner

    /// - Throws: `InputError` naming the file and the node or tensor that is wrong, or not run here.
    public init(reading url: URL) throws {
        runner = try ONNXRunner(try ONNXModel(reading: url), file: url.path)
    }

    /// Runs a graph that is in memory.
    ///
    /// - Parameter file: named in errors.
    public init(_ bytes: Data, file: String) throws {
        runner = try ONNXRunner(try ONNXModel(parsing: bytes, file: file), file: file)
    }

    /// What the graph gives for each token sequence, in padded batches: row after row.
    ///
    /// - Throws: `InputError` naming the node that fails.
    public func outputs(of sequences: [[Int32]], batch: Int = 16) throws -> [Float] {
        var result: [Float] = []
        for start in stride(from: 0, to: sequences.count, by: batch) {
            result += try runner(Array(sequences[start..<min(start + batch, sequences.count)]))
        }
        return result
    }
}
