import Foundation

/// The program as a user starts it: `retort` from the build folder of these tests, in a folder of its own.
struct Command {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// An empty folder that is removed with the value's owner.
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() throws {
        try FileManager.default.removeItem(at: folder)
    }

    /// Writes a file into the folder.
    func write(_ text: String, to name: String) throws {
        try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    /// The names in the folder.
    var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    /// Runs to the end.
    func run(_ arguments: String..., input: String = "") throws -> Result {
        let process = try start(arguments, input: input)
        return try process.finish()
    }

    /// Starts, and lets the caller interrupt.
    ///
    /// - Parameter program: a name in the build folder, or a path.
    func start(_ arguments: [String], input: String = "", program: String = "retort") throws -> Running {
        let process = Process()
        process.executableURL = program.hasPrefix("/") ? URL(fileURLWithPath: program) : Self.executable(program)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        let unique = UUID().uuidString
        let outputs = FileManager.default.temporaryDirectory
        let (output, errors) = (
            outputs.appendingPathComponent("\(unique).out"), outputs.appendingPathComponent("\(unique).err")
        )
        for url in [output, errors] { try Data().write(to: url) }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        let pipe = Pipe()
        process.standardInput = pipe
        try process.run()
        try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try pipe.fileHandleForWriting.close()
        return Running(process: process, output: output, errors: errors)
    }

    /// The tests' bundle lies beside the program that they test.
    static func executable(_ program: String) -> URL {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent(".build/release/\(program)")
    }
}

/// A program that runs.
struct Running {
    let process: Process
    let output: URL
    let errors: URL

    /// What it has said so far on standard error.
    var messages: String {
        get throws { try String(contentsOf: errors, encoding: .utf8) }
    }

    func finish() throws -> Command.Result {
        process.waitUntilExit()
        defer {
            for url in [output, errors] { unlink(url.path) }
        }
        return Command.Result(
            status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8))
    }
}
