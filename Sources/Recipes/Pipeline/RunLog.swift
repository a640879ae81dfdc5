import Files
import Foundation

/// Writes what a run does to `log.txt`, a dated line each, and passes it on.
final class RunLog: RunObserver {
    private let next: any RunObserver
    private let handle: FileHandle

    init(_ run: RunDirectory, forwardingTo next: any RunObserver) throws {
        let url = run.file("log.txt")
        if !FileManager.default.fileExists(atPath: url.path) { try AtomicFile.write(Data(), to: url) }
        do {
            handle = try FileHandle(forWritingTo: url)
            try handle.seekToEnd()
        } catch {
            throw InputError(file: url.path, problem: "cannot open to append: \(error.systemReason)")
        }
        self.next = next
    }

    func began(_ stage: String, position: Int, of count: Int) {
        append("\(stage): begins (\(position) of \(count))")
        next.began(stage, position: position, of: count)
    }

    func skipped(_ stage: String) {
        append("\(stage): finished before")
        next.skipped(stage)
    }

    func trained(_ progress: TrainingProgress) {
        next.trained(progress)
    }

    func advanced(_ stage: String, done: Int, total: Int, unit: String) {
        next.advanced(stage, done: done, total: total, unit: unit)
    }

    func ended(_ stage: String, seconds: Double, summary: String) {
        append("\(stage): \(summary) (\(String(format: "%.1f", seconds)) s)")
        next.ended(stage, seconds: seconds, summary: summary)
    }

    func note(_ text: String) {
        append(text)
        next.note(text)
    }

    private func append(_ text: String) {
        // A log that cannot be written must not end a run: the disk may be full, and the checkpoint is what counts.
        try? handle.write(contentsOf: Data("\(Date().ISO8601Format()) \(text)\n".utf8))
    }
}
