import Foundation
import Testing

@Suite("Pruning in a run")
struct PruneRunTests {
    @Test(
        "whole layers go before the rounds, whole blocks in them, against the model's own outputs; what is left exports"
    )
    func layers() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.run(
            "run", "tiny.yaml", "prune.layers.keep=1", "prune.heads.min_heads=0", "prune.heads.keep=0.25",
            "prune.heads.criterion=fisher", "prune.heads.against=own_outputs", "prune.feed_forward.min_neurons=0",
            "quantize=null")
        #expect(result.status == 0, "\(result.errors)")
        let run = TinyRun(command)
        func lines(_ name: String) throws -> [[String]] {
            try String(contentsOf: try run.file(name), encoding: .utf8).split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
        }
        let layers = try lines("prune/layers.csv")
        #expect(layers.count == 3 && layers.count { $0.last == "yes" } == 1)
        #expect(try lines("prune/heads.csv").count == 5)
        let criteria = try lines("prune/criteria.csv")
        // Four heads by every criterion but Taylor's, which needs labels, and ablation, which is slow.
        #expect(criteria.count == 1 + 5 * 4 && !criteria.contains { $0[0] == "taylor" || $0[0] == "ablation" })
        #expect(criteria.count { $0.last == "yes" } == 5 * 3)
        let configuration = try JSONSerialization.jsonObject(
            with: Data(contentsOf: try run.file("export/config.json")))
        let sizes = try #require(configuration as? [String: Any])
        #expect(sizes["layer_attention_heads"] as? [Int] == [1])
        #expect(FileManager.default.fileExists(atPath: try run.file("export/model.onnx").path))
        let again = try command.run("resume", try run.path)
        #expect(again.status == 0 && again.errors.contains("prune: finished before"), "\(again.errors)")
    }

    @Test("a run killed between the rounds goes on where it was, to the same bytes")
    func resumes() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let options = ["prune.layers.keep=1", "prune.heads.recover_steps=60", "prune.heads.rounds=2"]
        let whole = try command.start(["prune", "tiny.yaml", "run.directory=whole"] + options).finish()
        #expect(whole.status == 0, "\(whole.errors)")
        let running = try command.start(["prune", "tiny.yaml", "run.directory=cut"] + options)
        let cut = TinyRun(command, "cut")
        cut.wait(for: 5, of: "prune-1", in: running)
        running.process.interrupt()
        #expect(try running.finish().status == 130)
        let resumed = try command.run("prune", try cut.path)
        #expect(resumed.status == 0 && resumed.errors.contains("going on after round 0"), "\(resumed.errors)")
        let expected = TinyRun(command, "whole")
        for name in ["models/pruned/model.safetensors", "prune/heads.csv", "prune/criteria.csv", "prune/layers.csv"] {
            #expect(try Data(contentsOf: cut.file(name)) == Data(contentsOf: expected.file(name)), "\(name)")
        }
    }
}
