import Foundation
import Testing

/// What goes wrong around a run: its files, its data, other processes. It always ends with a reason, and goes on later to
/// the same bytes.
@Suite("A run under bad conditions", .serialized)
struct GuardTests {
    private static let student = "models/student/model.safetensors"

    /// A run that was killed in the student's training, with checkpoints of steps 15, 20 and 25 at least.
    private func killedRun(_ command: Command) throws -> TinyRun {
        let run = TinyRun(command)
        let running = try command.start(["train", "tiny.yaml", "train.epochs=30", "train.baseline=false"])
        run.wait(for: 28, of: "student", in: running)
        kill(running.process.processIdentifier, SIGKILL)
        _ = try running.finish()
        #expect(!FileManager.default.fileExists(atPath: try run.file(Self.student).path))
        return run
    }

    /// The student of a run that nothing disturbed.
    private func undisturbed(_ command: Command) throws -> Data {
        let result = try command.run(
            "train", "tiny.yaml", "train.epochs=30", "train.baseline=false", "run.directory=whole")
        #expect(result.status == 0, "\(result.errors)")
        return try Data(contentsOf: TinyRun(command, "whole").file(Self.student))
    }

    private func resume(_ run: TinyRun, _ command: Command) throws -> Command.Result {
        let result = try command.run("train", run.path)
        #expect(result.status == 0, "\(result.errors)")
        return result
    }

    @Test("A second process is told who holds the run; a dead holder's lock is taken over")
    func lock() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = TinyRun(command)
        let first = try command.start(["train", "tiny.yaml", "train.epochs=3000", "train.baseline=false"])
        run.wait(for: 3, of: "student", in: first)
        let second = try command.run("train", run.path)
        #expect(second.status == 75)
        #expect(second.errors.contains("in use by process \(first.process.processIdentifier)"))
        let listed = try command.run("runs")
        #expect(listed.output.contains("running (process \(first.process.processIdentifier)) in student, step "))
        kill(first.process.processIdentifier, SIGKILL)
        _ = try first.finish()

        let third = try command.start(["train", run.path])
        let before = run.steps(of: "student")
        run.wait(for: before + 20, of: "student", in: third)
        #expect(third.process.isRunning)
        third.process.interrupt()
        #expect(try third.finish().status == 130)
    }

    @Test("A finished run that is resumed tells its result and leaves every file as it is")
    func finished() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let first = try command.run("run", "tiny.yaml")
        #expect(first.status == 0, "\(first.errors)")
        let run = TinyRun(command)
        let before = try run.contents()
        let second = try command.run("resume", run.path)
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.output.split(separator: "\n").dropLast(2) == first.output.split(separator: "\n").dropLast(2))
        let after = try run.contents()
        #expect(before.keys.sorted() == after.keys.sorted())
        for (name, bytes) in after where !["log.txt", "lock"].contains(name) {
            #expect(before[name] == bytes, "\(name)")
        }
    }

    @Test("A damaged newest checkpoint is left aside, with its name, and the one before it is used")
    func damagedCheckpoint() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = try killedRun(command)
        let names = try FileManager.default.contentsOfDirectory(atPath: run.file("checkpoints").path)
            .filter { $0.hasSuffix(".h5") && !$0.hasPrefix(".") }.sorted()
        let newest = try #require(names.last)
        let url = try run.file("checkpoints/\(newest)")
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2] ^= 0x40
        try bytes.write(to: url)
        let resumed = try resume(run, command)
        #expect(resumed.errors.contains("left aside") && resumed.errors.contains(newest))
        let step = try #require(Int(names[names.count - 2].dropLast(3).suffix(8)))
        #expect(resumed.errors.contains("going on after step \(step) "))
        #expect(try Data(contentsOf: run.file(Self.student)) == undisturbed(command))
    }

    @Test("Files that may not grow end the run with the file and the reason; it goes on to the same bytes")
    func fullDisk() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = try killedRun(command)
        // In blocks of 512 bytes; a checkpoint of the student has 120 kB or more.
        let script = "ulimit -f 100; exec \"$0\" train \"$1\""
        let arguments = ["-c", script, Command.executable("retort").path, try run.path]
        let full = try command.start(arguments, program: "/bin/sh").finish()
        #expect(full.status == 2)
        #expect(full.errors.contains("File too large"), "\(full.errors)")
        #expect(full.errors.contains("next: mend it, then retort resume"))
        let resumed = try resume(run, command)
        #expect(resumed.errors.contains("going on after step") && !resumed.errors.contains("left aside"))
        #expect(try Data(contentsOf: run.file(Self.student)) == undisturbed(command))
    }

    @Test("Data that is gone is named, and the run goes on when it is back")
    func vanishedData() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = try killedRun(command)
        let (data, elsewhere) = (
            command.folder.appendingPathComponent("train.csv"), command.folder.appendingPathComponent("elsewhere")
        )
        try FileManager.default.moveItem(at: data, to: elsewhere)
        let before = try run.contents()
        let failed = try command.run("train", run.path)
        #expect(failed.status == 2)
        #expect(failed.errors.contains("train.csv"), "\(failed.errors)")
        for (name, bytes) in try run.contents() where name.hasPrefix("checkpoints/") || name.hasPrefix("models/") {
            #expect(before[name] == bytes, "\(name)")
        }
        try FileManager.default.moveItem(at: elsewhere, to: data)
        #expect(try resume(run, command).errors.contains("going on after step"))
        #expect(try Data(contentsOf: run.file(Self.student)) == undisturbed(command))
    }

    @Test("A run goes on from any directory: its recipe's relative paths begin where it began")
    func elsewhere() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = try killedRun(command)
        let script = "mkdir other && cd other && exec \"$0\" train \"$1\""
        let resumed = try command.start(
            ["-c", script, Command.executable("retort").path, try run.path], program: "/bin/sh"
        ).finish()
        #expect(resumed.status == 0 && resumed.errors.contains("going on after step"), "\(resumed.errors)")
        #expect(try Data(contentsOf: run.file(Self.student)) == undisturbed(command))
    }

    @Test("A place where no run can be made is refused by name")
    func unwritablePlace() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        // Nobody can make a directory there, not even root.
        let result = try command.run("run", "tiny.yaml", "run.directory=/proc/runs")
        #expect(result.status == 2)
        #expect(result.errors.contains("/proc/runs/tiny-") && result.errors.contains("run.directory=PATH"))
    }

    @Test("A run in a read-only directory is refused with the file and the reason", .enabled(if: getuid() != 0))
    func readOnly() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let run = try killedRun(command)
        let path = try run.path
        let before = try run.contents()
        for name in [path, "\(path)/checkpoints"] { chmod(name, 0o555) }
        let result = try command.run("train", path)
        #expect(result.status == 2)
        #expect(result.errors.contains("ermission denied") && result.errors.contains(path), "\(result.errors)")
        for name in [path, "\(path)/checkpoints"] { chmod(name, 0o755) }
        for (name, bytes) in try run.contents() where name.hasPrefix("checkpoints/") {
            #expect(before[name] == bytes, "\(name)")
        }
        #expect(try resume(run, command).errors.contains("going on after step"))
    }
}
