import Files
public import Foundation

/// Proves an exported directory again: its files are what was written, and compute what their model computed.
public enum ExportVerification {
    /// A format, and how far its file is from the model.
    public struct Finding: Sendable {
        public let format: ExportFormat
        public let agreement: String
    }

    /// - Throws: `ExportMismatch` naming the first file that changed, is missing or surplus, or computes something else;
    ///   `InputError` if the directory is no export.
    public static func verify(_ directory: URL) throws -> [Finding] {
        let record = try ExportRecord(reading: directory)
        let found = try ExportRecord.digests(of: directory)
        for path in Set(found.keys).union(record.files.keys).sorted() where found[path] != record.files[path] {
            throw ExportMismatch(
                file: directory.appendingPathComponent(path).path,
                problem: found[path] == nil
                    ? "the export had this file, and it is gone"
                    : record.files[path] == nil
                        ? "the export did not have this file" : "it is not the file that was exported")
        }
        guard let kind = ExportFormat.Kind(rawValue: record.kind) else {
            throw InputError(
                file: directory.appendingPathComponent(ExportRecord.file).path, field: "kind",
                problem: "found '\(record.kind)', which is no kind of model", remedy: "export the model again")
        }
        try record.check(kind, in: directory)
        return try ExportFormat.named(record.formats, for: kind).map { format in
            let url = directory.appendingPathComponent(format.path)
            let outputs = try ExportProof(format: format, directory: directory).outputs(record.sequences)
            let agreement = OutputAgreement(
                record.expected, try record.kept(outputs, file: url.path), width: record.width)
            let tolerance = ExportProof.recordedTolerance(format, kind, isClassifier: record.isClassifier)
            if let problem = agreement.problem(tolerance) { throw ExportMismatch(file: url.path, problem: problem) }
            return Finding(format: format, agreement: agreement.summary(tolerance))
        }
    }
}
