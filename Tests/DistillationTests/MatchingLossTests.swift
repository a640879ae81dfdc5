import Distillation
import Foundation
import Tensors
import Testing

/// Cosine, attention relations and attention maps.
@Suite("Losses between what is inside of the models")
struct MatchingLossTests {
    private let golden: GoldenLosses
    private var offsets: SequenceOffsets { SequenceOffsets(lengths: golden.lengths) }
    private var positions: Int { golden.lengths.reduce(0, +) }
    private var pairs: Int { golden.lengths.reduce(0) { $0 + $1 * $1 } }

    init() throws {
        golden = try GoldenLosses.read()
    }

    private func relations(_ tape: Tape, _ students: [Variable], _ offsets: SequenceOffsets? = nil) -> Variable {
        tape.weightedSum(
            zip(students, golden.relations.teacher).map {
                (
                    1,
                    tape.attentionRelations(
                        $0, teacher: $1.tensor, heads: golden.relations.heads, offsets: offsets ?? self.offsets,
                        normalizer: positions)
                )
            })
    }

    private func maps(_ tape: Tape, _ students: [Variable]) -> Variable {
        tape.attentionMaps(
            queries: students[0], keys: students[1],
            teacher: (golden.maps.teacher[0].tensor, golden.maps.teacher[1].tensor), heads: golden.maps.heads,
            offsets: offsets, pairs: pairs)
    }

    private func cosine(_ tape: Tape, _ students: [Variable]) -> Variable {
        tape.featureCosine(students[0], teacher: golden.cosine.teacher.tensor, normalizer: 7)
    }

    private func expect(
        _ found: (loss: Float, gradients: [[Float]]), _ value: Float, _ gradients: [GoldenLosses.Packed]
    ) {
        #expect(abs(found.loss - value) < 2e-6 * max(1, value))
        #expect(found.gradients.count == gradients.count)
        for (found, expected) in zip(found.gradients, gradients) {
            #expect(largestDifference(found, expected.tensor.values) < 1e-6)
            #expect(largestMagnitude(found) > 1e-3)
        }
    }

    @Test("cosine equals torch's, and its gradient")
    func cosineOfTorch() {
        expect(lossAndGradients([golden.cosine.student.tensor], cosine), golden.cosine.value, golden.cosine.gradients)
    }

    @Test("relations equal torch's on padded batches, for a teacher of another width and other heads")
    func relationsOfTorch() {
        let found = lossAndGradients(golden.relations.student.map(\.tensor)) { relations($0, $1) }
        expect(found, golden.relations.value, golden.relations.gradients)
    }

    @Test("attention maps equal torch's on padded batches, for heads of another size")
    func mapsOfTorch() {
        expect(lossAndGradients(golden.maps.student.map(\.tensor), maps), golden.maps.value, golden.maps.gradients)
    }

    /// R = softmax(A · Aᵀ / √d) row by row in double precision.
    private func referenceRelations(_ x: [Double], width: Int, heads: Int, lengths: [Int]) -> [[Double]] {
        let size = width / heads
        var result: [[Double]] = []
        var start = 0
        for length in lengths {
            for head in 0..<heads {
                for i in 0..<length {
                    let scores = (0..<length).map { j in
                        (head * size..<(head + 1) * size).reduce(0.0) {
                            $0 + x[(start + i) * width + $1] * x[(start + j) * width + $1]
                        } / Double(size).squareRoot()
                    }
                    result.append(logSoftmax(scores, width: length))
                }
            }
            start += length
        }
        return result
    }

    @Test("have the gradients of central differences in double precision")
    func centralDifferences() {
        let teacher = golden.relations.teacher[0].tensor
        let wanted = referenceRelations(
            teacher.values.map(Double.init), width: 24, heads: 4, lengths: golden.lengths)
        func loss(_ x: [Double]) -> Double {
            let found = referenceRelations(x, width: 12, heads: 4, lengths: golden.lengths)
            return zip(wanted, found).reduce(0.0) { sum, row in
                zip(row.0, row.1).reduce(sum) { $0 + exp($1.0) * ($1.0 - $1.1) }
            } / Double(4 * positions)
        }
        let student = golden.relations.student[0].tensor
        let found = lossAndGradients([student]) {
            $0.attentionRelations($1[0], teacher: teacher, heads: 4, offsets: offsets, normalizer: positions)
        }
        let point = student.values.map(Double.init)
        #expect(abs(Double(found.loss) - loss(point)) < 1e-6)
        let numeric = Reference.centralDifferences(at: point, of: loss).map { Float($0) }
        #expect(largestDifference(found.gradients[0], numeric) < 1e-6)

        let (h, t) = (golden.cosine.student.tensor, golden.cosine.teacher.tensor.values.map(Double.init))
        let cosine = lossAndGradients([h], cosine)
        let slopes = Reference.centralDifferences(at: h.values.map(Double.init)) { h in
            (0..<7).reduce(0.0) { sum, row in
                let cells = row * 19..<(row + 1) * 19
                func product(_ a: [Double], _ b: [Double]) -> Double { cells.reduce(0) { $0 + a[$1] * b[$1] } }
                return sum + 1 - product(h, t) / (product(h, h) * product(t, t)).squareRoot()
            } / 7
        }
        #expect(largestDifference(cosine.gradients[0], slopes.map { Float($0) }) < 1e-6)
    }

    @Test("are zero, with no gradient, where the student is the teacher")
    func identical() {
        let states = golden.maps.teacher.map(\.tensor)
        for loss in [
            lossAndGradients([states[0]]) {
                $0.attentionRelations($1[0], teacher: states[0], heads: 6, offsets: offsets, normalizer: 1)
            },
            lossAndGradients(states) {
                $0.attentionMaps(
                    queries: $1[0], keys: $1[1], teacher: (states[0], states[1]), heads: 3, offsets: offsets, pairs: 1)
            },
            lossAndGradients([states[0]]) { $0.featureCosine($1[0], teacher: states[0], normalizer: 1) },
        ] {
            #expect(abs(loss.loss) < 1e-5)
            #expect(loss.gradients.map(largestMagnitude).max()! < 1e-5)
        }
    }

    @Test("sequences see only themselves: another one beside them changes nothing but the sum")
    func sequences() {
        // The third sequence alone: rows 6 to 15 of queries.
        let range = 6..<15
        func part(_ x: Tensor) -> Tensor {
            Tensor(
                Array(x.values[range.lowerBound * x.width..<range.upperBound * x.width]), shape: [range.count, x.width])
        }
        let (student, teacher) = (golden.relations.student[0].tensor, golden.relations.teacher[0].tensor)
        let whole = lossAndGradients([student]) {
            $0.attentionRelations($1[0], teacher: teacher, heads: 4, offsets: offsets, normalizer: positions)
        }
        let alone = lossAndGradients([part(student)]) {
            $0.attentionRelations(
                $1[0], teacher: part(teacher), heads: 4, offsets: SequenceOffsets(lengths: [9]), normalizer: positions)
        }
        let expected = Array(whole.gradients[0][range.lowerBound * 12..<range.upperBound * 12])
        #expect(largestDifference(alone.gradients[0], expected) < 1e-7)
        #expect(alone.loss < whole.loss)
        // One sequence of all rows is another loss.
        let mixed = lossAndGradients(golden.relations.student.map(\.tensor)) {
            relations($0, $1, SequenceOffsets(lengths: [positions]))
        }
        #expect(abs(mixed.loss - golden.relations.value) > 0.01)
    }

    @Test("hand on the gradient that arrives from above")
    func chainRule() {
        let cases: [([Tensor], (Tape, [Variable]) -> Variable)] = [
            (golden.relations.student.map(\.tensor), { relations($0, $1) }),
            (golden.maps.student.map(\.tensor), maps), ([golden.cosine.student.tensor], cosine),
        ]
        for (index, (inputs, loss)) in cases.enumerated() {
            let plain = lossAndGradients(inputs, loss).gradients
            let tripled = lossAndGradients(inputs, scale: 3, loss).gradients
            for (plain, tripled) in zip(plain, tripled) {
                #expect(largestDifference(tripled, plain.map { 3 * $0 }) < 1e-6, "loss \(index)")
            }
        }
    }

    @Test("keep their accuracy where scores are large, as those of long rows with themselves are")
    func largeScores() {
        let (student, teacher) = (golden.relations.student[0].tensor, golden.relations.teacher[0].tensor)
        let factor: Float = 12
        let found = lossAndGradients([student.scaled(by: factor)]) {
            $0.attentionRelations(
                $1[0], teacher: teacher.scaled(by: factor), heads: 4, offsets: offsets, normalizer: positions)
        }
        func logs(_ x: Tensor) -> [[Double]] {
            referenceRelations(
                x.values.map { Double($0 * factor) }, width: x.width, heads: 4, lengths: golden.lengths)
        }
        let expected =
            zip(logs(teacher), logs(student)).reduce(0.0) { sum, row in
                zip(row.0, row.1).reduce(sum) { $0 + exp($1.0) * ($1.0 - $1.1) }
            } / Double(4 * positions)
        #expect(expected > 1)
        #expect(abs(Double(found.loss) / expected - 1) < 1e-5)
        #expect(found.gradients[0].allSatisfy { $0.isFinite })
    }

    @Test("a row of zeros has no direction: cosine 0 and no gradient, in the student and in the teacher")
    func zeroRows() {
        let (student, teacher) = (
            Tensor([0, 0, 3, 4, 1, 2], shape: [3, 2]), Tensor([1, 2, 0, 0, 2, 4], shape: [3, 2])
        )
        let found = lossAndGradients([student]) { $0.featureCosine($1[0], teacher: teacher, normalizer: 2) }
        #expect(abs(found.loss - 1) < 1e-6)
        #expect(found.gradients[0].prefix(4).allSatisfy { $0 == 0 })
    }
}
