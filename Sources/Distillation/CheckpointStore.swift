import Files
public import Foundation

/// The newest checkpoints of one training stage: `<stage>-step-<step>.h5` in a folder.
public struct CheckpointStore {
    private let directory: URL
    private let stage: String
    private let inputs: String
    private let keep: Int

    /// - Parameters:
    ///   - inputs: digest of what the stage depends on; checkpoints from other inputs are not used.
    ///   - keep: how many of the newest stay.
    public init(directory: URL, stage: String, inputs: String, keep: Int) {
        self.directory = directory
        self.stage = stage
        self.inputs = inputs
        self.keep = keep
    }

    /// Writes a checkpoint aside, renames it into place, then removes the oldest ones.
    public func save(_ checkpoint: Checkpoint) throws {
        let digits = String(checkpoint.state.step)
        let name = "\(prefix)\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).h5"
        try checkpoint.write(to: directory.appendingPathComponent(name))
        for url in try files().dropLast(keep) { try FileManager.default.removeItem(at: url) }
    }

    /// The newest checkpoint that is whole and from the same inputs.
    ///
    /// - Parameter reject: hears why a newer file was left aside.
    public func newest(rejecting reject: (String) -> Void) throws -> Checkpoint? {
        for url in try files().reversed() {
            do {
                let checkpoint = try Checkpoint(reading: url)
                if checkpoint.inputs == inputs { return checkpoint }
                // It would push new checkpoints with fewer steps out of `keep`.
                reject("\(url.lastPathComponent) was made from other inputs")
                try FileManager.default.removeItem(at: url)
            } catch let error as InputError {
                reject("\(error)")
                let aside = url.appendingPathExtension("damaged")
                // Left from an earlier time that this step was damaged; a move does not replace it.
                if FileManager.default.fileExists(atPath: aside.path) { try FileManager.default.removeItem(at: aside) }
                try FileManager.default.moveItem(at: url, to: aside)
            }
        }
        return nil
    }

    private var prefix: String { stage + Self.mark }

    private static let mark = "-step-"

    /// The step of the newest checkpoint of a stage, or of a round of it such as `prune-2`; nil where there is none.
    public static func newestStep(in directory: URL, ofStage stage: String) throws -> Int? {
        guard FileManager.default.fileExists(atPath: directory.path) else { return nil }
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .compactMap { url -> Int? in
                let name = url.deletingPathExtension().lastPathComponent
                guard url.pathExtension == "h5", name.hasPrefix(stage + "-"),
                    let mark = name.range(of: mark, options: .backwards)
                else { return nil }
                return Int(name[mark.upperBound...])
            }.max()
    }

    /// The stage's files, oldest first.
    private func files() throws -> [URL] {
        guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix(prefix) && $0.pathExtension == "h5" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}
