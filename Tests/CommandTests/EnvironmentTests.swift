import Foundation
import Testing

@Suite("Variables of the environment")
struct EnvironmentTests {
    private func doctor(_ setting: String) throws -> Command.Result {
        let command = try Command()
        let retort = Command.executable("retort").path
        let result = try command.start([setting, retort, "doctor"], program: "/usr/bin/env").finish()
        try command.remove()
        return result
    }

    @Test(
        "a value that is not known is refused by name",
        arguments: ["RETORT_THREADS=many", "RETORT_INSTRUCTIONS=sse", "RETORT_INSTRUCTIONS="])
    func misspelt(setting: String) throws {
        let result = try doctor(setting)
        let name = String(setting.prefix { $0 != "=" })
        #expect(result.status == 2 && result.errors.contains("environment: \(name): found"))
    }

    @Test("instructions are kept to the level that is asked for", arguments: ["base", "amx-emulated"])
    func instructions(level: String) throws {
        let result = try doctor("RETORT_INSTRUCTIONS=\(level)")
        #expect(result.status == 0)
        #expect(result.output.contains("Vector kernels  \(level)\n"))
        #expect(result.output.contains("Kernel levels   amx-emulated, base\n"))
    }
}
