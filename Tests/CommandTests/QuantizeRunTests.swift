import Foundation
import Testing

/// The forms of quantization that recipes have, through the program.
@Suite("quantize, in its forms", .serialized)
struct QuantizeRunTests {
    private static let forms = [
        "prune=null", "train.baseline=false", "train.epochs=2", "quantize.method=lsq",
        "quantize.activations=int8_dynamic", "quantize.smoothing=0.5", "quantize.reduce_range=true",
        "quantize.calibration.method=mse", "quantize.keep_float=[pooler]",
        "quantize.sensitivity={rows: 40, kl: 0, agreement: 1, most: 1}",
    ]

    @Test("learned steps, a grid per token, smoothing and parts in float: stored, exported, verified and reported")
    func forms() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let result = try command.start(["run", "tiny.yaml"] + Self.forms).finish()
        #expect(result.status == 0, "\(result.errors)")
        let run = TinyRun(command)
        let table = try String(contentsOf: run.file("quantize/sensitivity.csv"), encoding: .utf8)
        let lines = table.split(separator: "\n")
        #expect(lines.count == 1 + 10 + 1 && lines[11].hasPrefix("whole,"))
        let kept = lines.filter { $0.hasSuffix(",float") }
        #expect(kept.count == 2 && kept.last?.hasPrefix("pooler,") == true)
        let configuration = try String(contentsOf: run.file("models/int8/config.json"), encoding: .utf8)
        #expect(configuration.contains(#""granularity" : "token""#) && configuration.contains("bert.pooler.dense"))
        let report = try String(contentsOf: run.file("report/report.json"), encoding: .utf8)
        #expect(report.contains("Rounding of layer.0.output, before training"))
        #expect(result.errors.contains("quantize.sensitivity: does not hold"), "\(result.errors)")
        let verified = try command.run("verify", try run.path + "/export")
        #expect(verified.status == 0 && verified.output.contains("model.onnx"), "\(verified.errors)")
        let exported = try command.run(
            "export", try run.path, "--format", "onnx-fused,safetensors", "--output", "out", "--data", "test.csv")
        #expect(exported.status == 0, "\(exported.errors)")
        let refused = try command.run("export", try run.path, "--format", "compressed-tensors", "--output", "other")
        #expect(refused.status == 2 && refused.errors.contains("smoothed"))
        #expect(!FileManager.default.fileExists(atPath: command.folder.path + "/other"))
    }

    @Test("training that learns steps comes to the same bytes after an interruption")
    func resumed() throws {
        let command = try TinyRecipe.prepare()
        defer { #expect(throws: Never.self) { try command.remove() } }
        let forms = Self.forms.filter { !$0.hasPrefix("quantize.activations") } + ["quantize.steps=60"]
        let whole = try command.start(["quantize", "tiny.yaml", "run.directory=whole"] + forms).finish()
        #expect(whole.status == 0, "\(whole.errors)")
        let running = try command.start(["quantize", "tiny.yaml", "run.directory=cut"] + forms)
        TinyRun(command, "cut").wait(for: 20, of: "quantize", in: running)
        running.process.interrupt()
        #expect(try running.finish().status == 130)
        let resumed = try command.run("quantize", try TinyRun(command, "cut").path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        let bytes = try ["whole", "cut"].map {
            try Data(contentsOf: TinyRun(command, $0).file("models/int8/model.safetensors"))
        }
        #expect(bytes[0] == bytes[1])
    }
}
