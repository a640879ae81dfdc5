import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Continuing texts")
struct GenerationTests {
    private func runner(positions: Int = 40) -> DecoderRunner {
        let configuration = DecoderConfiguration(
            llama: 31, hiddenSize: 16, layers: 2, heads: 4, keyHeads: 2, feedForward: 24, maximumPositions: positions)
        let decoder = Decoder(configuration, key: RandomKey(5))
        // Wide enough for some tokens to be clearly likelier than others.
        for parameter in decoder.parameters where parameter.decays { parameter.value = parameter.value.scaled(by: 20) }
        return DecoderRunner(decoder)
    }

    private func tokens(
        _ prompt: [Int32], _ sampling: Sampling = .greedy, limit: Int = 10, sample: Int = 0, end: Set<Int32> = []
    ) throws -> ([Int32], Continuation.Finish?) {
        var continuation = try Continuation(
            of: prompt, by: runner(), sampling: sampling, limit: limit, sample: sample, endTokens: end)
        while try continuation.next() != nil {}
        return (continuation.tokens, continuation.finish)
    }

    @Test("the likeliest token each time, as the logits of the whole text say")
    func greedy() throws {
        let (made, finish) = try tokens([1, 2, 3])
        #expect(made.count == 10 && finish == .length)
        let session = DecoderSession(runner())
        let logits = session.appendAll([1, 2, 3] + made)
        for (step, token) in made.enumerated() {
            let row = Array(logits.values[(2 + step) * 31..<(3 + step) * 31])
            #expect(row.firstIndex(of: row.max()!) == Int(token), "step \(step)")
        }
    }

    /// Also longer than the first tables of angles.
    @Test("a prompt longer than what is taken in at a time gives the same tokens")
    func longPrompt() throws {
        let prompt = (0..<600).map { Int32($0 * 11 % 31) }
        let runner = runner(positions: 700)
        var continuation = try Continuation(of: prompt, by: runner, sampling: .greedy, limit: 1, endTokens: [])
        let logits = DecoderSession(runner).append(prompt).values
        #expect(try continuation.next() == Int32(logits.firstIndex(of: logits.max()!)!))
    }

    @Test("ends at an end token, which is not part of the text")
    func end() throws {
        let all = try tokens([1, 2, 3]).0
        let end = all[4]
        let (made, finish) = try tokens([1, 2, 3], end: [end])
        #expect(made == Array(all[..<all.firstIndex(of: end)!]) && finish == .end)
    }

    @Test("ends where the positions do")
    func positions() throws {
        let (made, finish) = try tokens(Array(repeating: 4, count: 36), limit: 100)
        #expect(made.count == 5 && finish == .length)
        #expect(try tokens([1], limit: 1).0.count == 1)
    }

    @Test("refuses a text that is empty or too long, and logits that are not finite")
    func refusals() {
        #expect(throws: InputError.self) { try tokens([]) }
        #expect(throws: InputError.self) { try tokens(Array(repeating: 1, count: 41)) }
        let configuration = runner().configuration
        let decoder = Decoder(configuration, key: RandomKey(5))
        decoder.layers[1].value.weight.value = Tensor(repeating: .nan, shape: [8, 16])
        #expect(throws: InputError.self) {
            try Continuation(
                of: [1], by: DecoderRunner(decoder), sampling: .greedy, limit: 1, endTokens: [])
        }
    }

    @Test("refuses logits that are no longer finite")
    func laterLogits() throws {
        var configuration = runner().configuration
        configuration.tiesEmbeddings = false
        let decoder = Decoder(configuration, key: RandomKey(5))
        let first = DecoderSession(DecoderRunner(decoder)).append([1]).values
        let token = try #require(first.indices.max { first[$0] < first[$1] })
        // Only what follows the first token of the continuation sees its row.
        var table = decoder.tokenEmbeddings.table.value
        table.withUnsafeMutableBufferPointer { $0[token * configuration.hiddenSize] = .nan }
        try #require(token != 1)
        decoder.tokenEmbeddings.table.value = table
        var continuation = try Continuation(
            of: [1], by: DecoderRunner(decoder), sampling: .greedy, limit: 2, endTokens: [])
        #expect(throws: InputError.self) { try continuation.next() }
    }

    @Test("a text drawn in two steps is the text drawn in one")
    func resumedDrawing() throws {
        let sampling = Sampling(temperature: 1, seed: 1)
        let whole = try tokens([1, 2], sampling, limit: 20).0
        #expect(try tokens([1, 2] + whole[..<8], sampling, limit: 12).0 == Array(whole[8...]))
    }

    @Test("the likeliest mass is reached by equality")
    func boundary() {
        let equal = Tensor([Float](repeating: 0, count: 4), shape: [4])
        let drawn = (0..<200).map { Sampling(temperature: 1, topP: 0.5).choose(equal, sample: 0, position: $0) }
        #expect(Set(drawn) == [0, 1])
        #expect(Sampling.greedy.choose(equal, sample: 0, position: 0) == 0)
    }

    @Test("drawing: the same seed gives the same text, another seed or sample another")
    func drawing() throws {
        let sampling = Sampling(temperature: 1, seed: 1)
        let first = try tokens([1, 2], sampling, limit: 30).0
        #expect(try tokens([1, 2], sampling, limit: 30).0 == first)
        #expect(try tokens([1, 2], Sampling(temperature: 1, seed: 2), limit: 30).0 != first)
        #expect(try tokens([1, 2], sampling, limit: 30, sample: 1).0 != first)
        #expect(try tokens([1, 2], Sampling(temperature: 1, topK: 1), limit: 10).0 == tokens([1, 2], limit: 10).0)
    }

    @Test("drawn tokens come as often as the temperature says, from the k likeliest or the likeliest mass")
    func frequencies() {
        // Probabilities 0.5, 0.25, 0.15, 0.1 at temperature 1, in another order.
        let probabilities: [Float] = [0.15, 0.5, 0.1, 0.25]
        let logits = Tensor(probabilities.map { Float(log(Double($0))) + 3 }, shape: [4])
        func shares(_ sampling: Sampling) -> [Double] {
            var counts = [Double](repeating: 0, count: 4)
            for position in 0..<20_000 {
                counts[Int(sampling.choose(logits, sample: 0, position: position))] += 1
            }
            return counts.map { $0 / 20_000 }
        }
        // Four standard errors of a share of a half are 0.014.
        func check(_ sampling: Sampling, _ expected: [Double]) {
            for (found, expected) in zip(shares(sampling), expected) { #expect(abs(found - expected) < 0.015) }
        }
        check(Sampling(temperature: 1), [0.15, 0.5, 0.1, 0.25])
        check(Sampling(temperature: 1, topK: 2), [0, 2.0 / 3, 0, 1.0 / 3])
        check(Sampling(temperature: 1, topP: 0.8), [0.15 / 0.9, 0.5 / 0.9, 0, 0.25 / 0.9])
        check(Sampling(temperature: 1, topP: 0.4), [0, 1, 0, 0])
        let squares = probabilities.map { Double($0) * Double($0) }
        check(Sampling(temperature: 0.5), squares.map { $0 / squares.reduce(0, +) })
        check(Sampling(temperature: 0), [0, 1, 0, 0])
    }

    @Test("the k likeliest of many are found, equal ones by their ids")
    func topK() {
        let logits = Tensor((0..<1000).map { Float(($0 * 37) % 50) }, shape: [1000])
        let best = (0..<1000).filter { ($0 * 37) % 50 == 49 }
        var seen: Set<Int32> = []
        for position in 0..<2000 {
            seen.insert(Sampling(temperature: 1, topK: 5).choose(logits, sample: 0, position: position))
        }
        #expect(seen == Set(best.prefix(5).map(Int32.init)))
        #expect(Sampling.greedy.choose(logits, sample: 0, position: 0) == Int32(best[0]))
    }
}
