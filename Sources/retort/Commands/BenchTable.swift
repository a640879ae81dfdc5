import Evaluation
import Foundation
import Recipes

/// The results of `bench` for a terminal.
struct BenchTable {
    private let results: [ModelBench.Result]

    init(_ results: [ModelBench.Result]) { self.results = results }

    var lines: [String] {
        var lines: [String] = []
        for result in results {
            let size = result.bytes.map { String(format: ", %.2f MB", Double($0) / 1e6) } ?? ""
            lines.append("\(result.path): \(result.parameters) parameters\(size)")
            if let load = result.loadMs, let peak = result.peakMb {
                lines.append(String(format: "  loaded in %.0f ms, peak memory %.0f MB", load, peak))
            }
            let single = result.single
            lines.append(
                String(
                    format: "  single   p50 %.3f  p90 %.3f  p99 %.3f ms over %d queries, %.0f tokens/s",
                    single.p50, single.p90, single.p99, single.queries, result.tokensPerSecond)
                    + energy(result.joulesPerText))
            if let generation = result.generation {
                lines.append(
                    String(
                        format: "  prompt   p50 %.3f  p90 %.3f  p99 %.3f ms to the first token, %.0f tokens/s read",
                        generation.firstTokenMs.p50, generation.firstTokenMs.p90, generation.firstTokenMs.p99,
                        generation.promptTokensPerSecond)
                        + (generation.decodedTokensPerSecond.map { String(format: ", %.0f tokens/s written", $0) }
                            ?? ""))
            }
            if let batched = result.batched {
                lines.append(
                    String(
                        format:
                            "  batch %-3d p50 %.3f  p90 %.3f  p99 %.3f ms over %d batches, %.0f texts/s, %.0f tokens/s",
                        batched.batch, batched.latencyMs.p50, batched.latencyMs.p90, batched.latencyMs.p99,
                        batched.latencyMs.queries, batched.textsPerSecond, batched.tokensPerSecond)
                        + energy(batched.joulesPerText))
            }
        }
        if results.count == 2 {
            let (a, b) = (results[0], results[1])
            let batch = a.batched.flatMap { first in b.batched.map { first.textsPerSecond / $0.textsPerSecond } }
            lines.append(
                String(format: "the first is %.2f× as fast in single queries (p50)", b.single.p50 / a.single.p50)
                    + (batch.map { String(format: ", %.2f× in batches", $0) } ?? ""))
        }
        if results.allSatisfy({ $0.joulesPerText == nil }) { lines.append("energy: not reported by this machine") }
        return lines
    }

    private func energy(_ joules: Double?) -> String { joules.map { String(format: ", %.3f J per text", $0) } ?? "" }
}
