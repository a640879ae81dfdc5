public import Tensors

/// One text being continued: what a decoder has computed of its past, so that each new token costs one row.
///
/// The numbers do not depend on how a text is cut into calls of `append`.
public final class DecoderSession {
    private let runner: DecoderRunner
    /// Keys and values of all positions so far, per layer: [positions, G · D].
    private var caches: [KeyValueCache]
    /// Tokens taken in so far.
    public private(set) var count = 0

    public init(_ runner: DecoderRunner) {
        self.runner = runner
        let configuration = runner.configuration
        caches = configuration.keyHeads.map { KeyValueCache(width: $0 * configuration.headSize) }
    }

    /// Tokens that still fit.
    public var room: Int { runner.configuration.maximumPositions - count }

    /// Takes in tokens and gives the logits of the token after the last of them: [V].
    ///
    /// - Parameter tokens: at least one, at most `room`, each below the vocabulary's size.
    public func append(_ tokens: [Int32]) -> Tensor {
        let last = hidden(tokens).rows(tokens.count - 1..<tokens.count)
        return runner.output.multiply(runner.finalNorm(last)).reshaped([runner.output.outputs])
    }

    /// Takes in tokens whose logits are not asked for.
    public func take(_ tokens: [Int32]) {
        _ = hidden(tokens)
    }

    /// Takes in tokens and gives the logits after each of them: [N, V].
    public func appendAll(_ tokens: [Int32]) -> Tensor {
        runner.output.multiply(runner.finalNorm(hidden(tokens)))
    }

    /// The last block's output for new tokens: [N, C].
    private func hidden(_ tokens: [Int32]) -> Tensor {
        let configuration = runner.configuration
        precondition(
            !tokens.isEmpty && tokens.count <= room,
            "DecoderSession.append: \(tokens.count) tokens where \(room) fit")
        precondition(
            tokens.allSatisfy { (0..<Int32(configuration.vocabularySize)).contains($0) },
            "DecoderSession.append: a token is outside of the vocabulary of \(configuration.vocabularySize)")
        let positions = (count..<count + tokens.count).map(Int32.init)
        var x = runner.tokens.rows(tokens)
        if let table = runner.positions { x.add(table.rows(positions)) }
        let rotary = runner.rotaryTables?.table(of: count + tokens.count)
        for (index, block) in runner.blocks.enumerated() {
            if configuration.heads[index] > 0 {
                x.add(attention(x, block, index, positions, rotary))
            } else if let bias = block.attentionOutput.bias {
                x.addToRows(bias)
            }
            if configuration.feedForward[index] > 0 {
                x.add(feedForward(x, block))
            } else if let bias = block.down.bias {
                x.addToRows(bias)
            }
        }
        count += tokens.count
        return x
    }

    /// What a block's attention adds to its input: [N, C].
    private func attention(
        _ x: Tensor, _ block: DecoderRunner.Block, _ index: Int, _ positions: [Int32], _ rotary: RotaryTable?
    ) -> Tensor {
        let normed = block.attentionNorm(x)
        let states = AffineWeights.apply([block.query, block.key, block.value], to: normed)
        var (query, key) = (states[0], states[1])
        if let rotary {
            query.rotate(positions: positions, table: rotary)
            key.rotate(positions: positions, table: rotary)
        }
        caches[index].append(keys: key, values: states[2])
        let configuration = runner.configuration
        return block.attentionOutput(
            caches[index].attend(query, heads: configuration.heads[index], headSize: configuration.headSize))
    }

    /// What a block's feed-forward part adds to its input: [N, C].
    private func feedForward(_ x: Tensor, _ block: DecoderRunner.Block) -> Tensor {
        let inner = block.feedForwardNorm(x)
        guard let gate = block.gate else {
            return block.down(
                block.up(inner).activated(runner.configuration.activation == .gelu ? .gelu : .geluTanh))
        }
        let states = AffineWeights.apply([gate, block.up], to: inner)
        return block.down(states[0].gating(states[1]))
    }
}

extension Projection {
    /// The rows of a table for these ids: [N, I].
    fileprivate func rows(_ ids: [Int32]) -> Tensor {
        var rows = Tensor(uninitialized: [ids.count, inputs])
        let width = inputs
        rows.withUnsafeMutableBufferPointer { buffer in
            for (row, id) in ids.enumerated() { copyRow(Int(id), to: buffer.baseAddress! + row * width) }
        }
        return rows
    }
}
