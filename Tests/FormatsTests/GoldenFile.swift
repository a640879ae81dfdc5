import Files
import Foundation

/// The files that Tests/Golden/formats.py wrote, and scratch copies of them.
enum GoldenFile {
    static func url(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/formats/\(name)")
    }

    static func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: url(name))
    }

    /// Runs `body` with a directory of its own, removed afterwards.
    static func withDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory)
    }

    /// The `InputError` that `body` throws; nil if it throws none, and any other error goes on.
    static func inputError<Result>(_ body: () throws -> Result) throws -> InputError? {
        do {
            _ = try body()
            return nil
        } catch let error as InputError {
            return error
        }
    }

    /// Changes a file of the same size in place, which is much faster than to write a new one.
    static func overwrite(_ url: URL, with bytes: Data) throws {
        let handle = try FileHandle(forUpdating: url)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }

    /// Copies of `bytes`, each with one to three bits changed: the same ones in every run.
    static func damaged(_ bytes: Data, copies: Int) -> [Data] {
        var state: UInt64 = 20_250_101
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        return (0..<copies).map { _ in
            var copy = bytes
            for _ in 0...next(3) { copy[next(copy.count)] ^= 1 << UInt8(next(8)) }
            return copy
        }
    }
}
