import Distillation
import Foundation
import Models
import Tensors

struct Golden: Decodable { var prompt: String; var prompt_tokens: [Int32]; var tokens: [Int32]; var gaps: [Float] }
let path = CommandLine.arguments[1]
let goldens = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[2])))
let clock = ContinuousClock()
var runner: DecoderRunner!
print("open", try clock.measure { runner = try DecoderDirectory.readRunner(URL(fileURLWithPath: path)) })
let s0 = DecoderSession(runner)
print("first logits", clock.measure { _ = s0.append(goldens[0].prompt_tokens) })
let decoder = try DecoderDirectory.read(URL(fileURLWithPath: path))
let float = DecoderRunner(decoder)
func gap(_ v: [Float], _ t: Int) -> Float { v[t] - v.enumerated().filter { $0.offset != t }.map(\.element).max()! }
for g in goldens {
    let (a, b) = (DecoderSession(runner), DecoderSession(float))
    var (la, lb) = (a.append(g.prompt_tokens).values, b.append(g.prompt_tokens).values)
    var (ea, eb, ab) = (0.0, 0.0, 0.0)
    var line = ""
    for (i, t) in g.tokens.enumerated() {
        let (ga, gb) = (gap(la, Int(t)), gap(lb, Int(t)))
        ea += pow(Double(ga - g.gaps[i]), 2); eb += pow(Double(gb - g.gaps[i]), 2); ab += pow(Double(ga - gb), 2)
        if i < 8 { line += String(format: " [%.3f %.3f %.3f]", g.gaps[i], ga, gb) }
        la = a.append([t]).values; lb = b.append([t]).values
    }
    let n = Double(g.tokens.count)
    print(g.prompt.prefix(20), "rms gap difference: blocks-llama \((ea/n).squareRoot()) float-llama \((eb/n).squareRoot()) blocks-float \((ab/n).squareRoot())", line)
}
for (name, r) in [("blocks", runner!), ("float", float)] {
    let s = DecoderSession(r)
    _ = s.append(goldens[0].prompt_tokens)
    for _ in 0..<5 { _ = s.append([30]) }
    let time = clock.measure { for _ in 0..<60 { _ = s.append([30]) } }
    let long = DecoderSession(r)
    let prefill = clock.measure { _ = long.append((0..<128).map { Int32($0 * 7 % 4000 + 100) }) }
    print(name, 60 / (time / .seconds(1)), "tokens/s; prefill of 128:", prefill)
}
