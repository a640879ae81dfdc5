import CKernels

/// L = Σ f(s, t) over the rows of the scores S = A · Bᵀ / √D of each sequence and head, beside a teacher's scores T of the
/// same positions.
///
/// a, b: [N, H · D], the teacher's: [N, H · D′]. With G = ∂L/∂S: ∂L/∂A = G · B / √D and ∂L/∂B = Gᵀ · A / √D; where A is B it
/// receives both. Scores exist for a block of rows of one head at a time; their gradients replace them while they are in
/// the cache, so that forward leaves ∂L/∂A and ∂L/∂B behind and no scores.
private struct ScoreLoss: DifferentiableOperation {
    let operands: [(slot: GradientSlot, gradient: Tensor)]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        for operand in operands { gradients.add(operand.gradient.scaled(by: gradient.scalar), to: operand.slot) }
    }
}

/// A row of scores as a loss meets it: one score per position of the sequence.
public typealias ScoreRow = UnsafeMutableBufferPointer<Float>

/// The left and the right operand of scores: [N, H · D] in memory.
private struct ScoreOperands {
    let a: UnsafePointer<Float>
    let b: UnsafePointer<Float>
    /// Floats of a row (H · D).
    let width: Int
    let headSize: Int

    init(_ a: Tensor, _ b: Tensor, heads: Int) {
        self.a = a.pointer
        self.b = b.pointer
        width = a.width
        headSize = a.width / heads
    }

    var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Floats of one operand of `length` positions in panels.
    func panelCount(_ length: Int) -> Int { (length + 15) / 16 * 16 * ((headSize + 15) / 16 * 16) }
}

/// One head of one sequence.
private struct ScoreHead {
    let student: ScoreOperands
    let teacher: ScoreOperands
    /// The sequence's rows of the packed batch.
    let rows: Range<Int>
    let head: Int
    let product: retort_product
    let loss: (ScoreRow, ScoreRow) -> Double

    /// Rows of scores that exist at a time.
    private static let blockRows = 64

    /// The sum of the loss; adds to the head's columns of da and db, if they are asked for.
    func evaluate(da: UnsafeMutablePointer<Float>?, db: UnsafeMutablePointer<Float>?) -> Double {
        let length = rows.count
        let square = min(length, Self.blockRows) * length
        let (panels, others) = (student.panelCount(length), teacher.panelCount(length))
        var scratch = Tensor(uninitialized: [3 * panels + others + 2 * square])
        defer { withExtendedLifetime(scratch) {} }
        let right = scratch.mutablePointer
        let (plainRight, plainLeft) = (right + panels, right + 2 * panels)
        let teacherRight = right + 3 * panels
        let (scores, teacherScores) = (teacherRight + others, teacherRight + others + square)
        let (start, teacherStart) = (start(student), start(teacher))
        // 1 / √D goes into the operands in panels, which are smaller than the scores.
        packTransposed(student.b + start, of: student, into: right)
        packTransposed(teacher.b + teacherStart, of: teacher, into: teacherRight)
        if da != nil {
            pack(student.b + start, of: student, into: plainRight)
            pack(student.a + start, of: student, into: plainLeft)
        }
        var sum = 0.0
        for first in stride(from: 0, to: length, by: Self.blockRows) {
            let block = first..<min(first + Self.blockRows, length)
            multiply(student, start, right, block, into: scores)
            multiply(teacher, teacherStart, teacherRight, block, into: teacherScores)
            for row in 0..<block.count {
                sum += loss(
                    ScoreRow(start: scores + row * length, count: length),
                    ScoreRow(start: teacherScores + row * length, count: length))
            }
            guard let da, let db else { continue }
            let (width, size) = (student.width, student.headSize)
            product.multiply(
                scores, length, plainRight, length * 16, da + start + first * width, width, nil, block.count, length,
                size, 1)
            product.multiply_transposed(
                scores, length, plainLeft + first * 16, length * 16, db + start, width, length, block.count, size, 1)
        }
        return sum
    }

    /// Where the head begins in an operand.
    private func start(_ operands: ScoreOperands) -> Int {
        rows.lowerBound * operands.width + head * operands.headSize
    }

    private func multiply(
        _ operands: ScoreOperands, _ start: Int, _ right: UnsafePointer<Float>, _ block: Range<Int>,
        into scores: UnsafeMutablePointer<Float>
    ) {
        let size = operands.headSize
        product.multiply(
            operands.a + start + block.lowerBound * operands.width, operands.width, right, size * 16, scores,
            rows.count, nil, block.count, size, rows.count, 0)
    }

    /// x / √D as a right operand.
    private func pack(
        _ x: UnsafePointer<Float>, of operands: ScoreOperands, into panels: UnsafeMutablePointer<Float>
    ) {
        let size = operands.headSize
        product.pack_panels(x, operands.width, panels, rows.count, size)
        kernels.scale(panels, operands.scale, panels, (size + 15) / 16 * 16 * rows.count)
    }

    /// xᵀ / √D as a right operand.
    private func packTransposed(
        _ x: UnsafePointer<Float>, of operands: ScoreOperands, into panels: UnsafeMutablePointer<Float>
    ) {
        let size = operands.headSize
        product.pack_panels_transposed(x, operands.width, panels, size, rows.count)
        kernels.scale(panels, operands.scale, panels, (rows.count + 15) / 16 * 16 * size)
    }
}

extension Tape {
    /// The sum of a loss over the rows of the scores A · Bᵀ / √D within each sequence and head → [1].
    ///
    /// - Parameters:
    ///   - a: [N, H · D].
    ///   - b: [N, H · D]; nil: `a` itself, so that the scores are those of its rows among each other.
    ///   - teacher: what the teacher's scores are made from, [N, H · D′] each, in the same way.
    ///   - heads: H.
    ///   - loss: given a row of scores and the teacher's, both divided by the square root of their own D, returns its loss and
    ///     overwrites the first with the loss's gradient; it may spoil the second. Called once per row, from several threads
    ///     at once.
    public func scoreLoss(
        _ a: Variable, _ b: Variable? = nil, teacher: (a: Tensor, b: Tensor), heads: Int, offsets: SequenceOffsets,
        loss: (ScoreRow, ScoreRow) -> Double
    ) -> Variable {
        let right = b ?? a
        precondition(
            heads > 0 && a.value.width > 0 && a.value.width % heads == 0 && a.value.rows == offsets.rows
                && a.shape == right.shape && teacher.a.width > 0 && teacher.a.width % heads == 0
                && teacher.a.rows == offsets.rows && teacher.a.shape == teacher.b.shape,
            "scoreLoss: \(a.shape) and \(right.shape), teacher \(teacher.a.shape) and \(teacher.b.shape), \(heads) heads, \(offsets.rows) positions"
        )
        let needsGradient = isRecording && (a.needsGradient || right.needsGradient)
        let count = needsGradient ? a.shape : [0]
        var da = Tensor(zeros: count)
        var db = Tensor(zeros: b == nil ? [0] : count)
        let first = needsGradient ? da.mutablePointer : nil
        let second = needsGradient && b != nil ? db.mutablePointer : first
        let total = Profile.measure(.loss) {
            withoutActuallyEscaping(loss) { loss in
                // Heads write disjoint columns, sequences disjoint rows.
                nonisolated(unsafe) let (loss, first, second) = (loss, first, second)
                let student = ScoreOperands(a.value, right.value, heads: heads)
                let other = ScoreOperands(teacher.a, teacher.b, heads: heads)
                let product = Precision.float32.product
                let sums = Threads.map(offsets.count * heads) { index in
                    ScoreHead(
                        student: student, teacher: other, rows: offsets[index / heads], head: index % heads,
                        product: product, loss: loss
                    ).evaluate(da: first, db: second)
                }
                return sums.reduce(0, +)
            }
        }
        withExtendedLifetime((a.value, right.value, teacher)) {}
        let operands = b.map { [(a.slot, da), ($0.slot, db)] } ?? [(a.slot, da)]
        return record(Tensor([Float(total)], shape: [1]), from: a, right) { ScoreLoss(operands: operands) }
    }
}
