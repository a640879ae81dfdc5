import Foundation
import Testing

@Suite("The benchmark program")
struct BenchTests {
    private func bench(_ arguments: String...) throws -> Command.Result {
        let command = try Command()
        let result = try command.start(arguments, program: "bench").finish()
        try command.remove()
        return result
    }

    @Test("prints one JSON object with every key", arguments: ["float32", "bfloat16"])
    func json(precision: String) throws {
        let result = try bench("encode-1", "--precision", precision, "--repetitions", "7", "--warm-up", "0", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result.output)")
        #expect(
            Set(object.keys) == [
                "workload", "precision", "dropout", "threads", "median_ms", "min_ms", "max_ms", "peak_mb",
                "tokens_per_second", "first_step_s", "phases",
            ])
        #expect(object["precision"] as? String == precision)
        let median = try #require(object["median_ms"] as? Double)
        #expect(try median >= #require(object["min_ms"] as? Double) && median > 0)
        let phases = try #require(object["phases"] as? [String: Double])
        #expect(
            Set(phases.keys) == [
                "gemm", "attention", "softmax", "norms", "activations", "loss", "optimizer", "other",
            ])
        #expect(try #require(phases["gemm"]) > 0)
    }

    @Test("an unknown workload and too few repetitions are usage errors that say what there is")
    func usage() throws {
        let unknown = try bench("step-chached")
        #expect(unknown.status == 64 && unknown.errors.contains("step-cached"))
        let few = try bench("encode-1", "--repetitions", "3")
        #expect(few.status == 64 && few.errors.contains("at least 7"))
    }
}
