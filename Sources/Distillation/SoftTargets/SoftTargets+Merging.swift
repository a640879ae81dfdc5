import Files
import Formats
public import Foundation
import Tensors

extension SoftTargets {
    /// Opens the parts of one recording that lie in several files and directories, such as the shares of several machines.
    public convenience init(parts urls: [URL]) throws {
        try self.init(files: urls.flatMap(Self.files), named: urls.map(\.path).joined(separator: ", "))
    }

    /// Writes all parts, in their order, into one file.
    ///
    /// - Parameter progress: hears how many of how many rows are written; what it throws ends the writing.
    public func merge(into url: URL, progress: (Int, Int) throws -> Void) throws {
        let total = parts.reduce(0) { $0 + $1.rows }
        let bytes = parts.reduce(0) { $0 + (FileSize.bytes(at: $1.name) ?? 0) }
        try AtomicFile.requireRoom(for: bytes, at: url)
        var merged = description
        (merged.part, merged.parts) = (0, 1)
        let columns = columns
        try HDF5File.create(at: url) { file in
            let writer = try SoftTargetWriter(
                file, merged, rows: parts.flatMap { part in try (0..<part.rows).map { try part.tokens[$0] } },
                columns: columns.map { ($0, parts[0].column($0)!.width) }, plan: parts[0].plan)
            var done = 0
            for part in parts {
                for start in stride(from: 0, to: part.rows, by: 64) {
                    let rows = Array(start..<min(start + 64, part.rows))
                    if part.description.predictions != nil {
                        let kept = try part.predictions(rows: rows)
                        try writer.append(
                            ids: kept.ids, logProbabilities: kept.logProbabilities,
                            logNormalizers: kept.logNormalizers ?? [])
                    }
                    try writer.append(
                        try columns.map { column in
                            let (values, width) = (try part.values(column, rows: rows), part.column(column)!.width)
                            return Tensor(values, shape: [values.count / width, width])
                        })
                    done += rows.count
                    try progress(done, total)
                }
            }
            if let unmapped = try unmappedMasses() {
                try file.write(unmapped, shape: [unmapped.count], to: SoftTargetFile.unmapped)
            }
        }
    }
}
