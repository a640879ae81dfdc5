/// y = f(x), of which only x is kept; backward computes f again on a tape of its own (Chen et al. 2016, arXiv 1604.06174).
private struct Checkpoint: DifferentiableOperation {
    let x: Variable
    let precision: Precision
    let body: (Variable, Tape) -> Variable

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let tape = Tape(precision: precision)
        let buffer = GradientBuffer(shape: x.shape)
        let output = body(tape.leaf(x.value, gradient: buffer), tape)
        tape.backward(from: output, seed: gradient)
        gradients.add(buffer.value, to: x)
    }
}

extension Tape {
    /// Computes body(x) without keeping its intermediate values, if this tape is checkpointing; else simply body(x).
    ///
    /// - Parameter body: puts its operations on the tape that it is given. It runs twice and must give the same both times,
    ///   as dropout by keys does.
    public func checkpoint(_ x: Variable, _ body: @escaping (Variable, Tape) -> Variable) -> Variable {
        guard isCheckpointing, isRecording, x.needsGradient else { return body(x, self) }
        let y = body(Variable(constant: x.value), Tape(recording: false, precision: precision)).value
        return record(y, from: x) { Checkpoint(x: x, precision: precision, body: body) }
    }
}
