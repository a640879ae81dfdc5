import Distillation
import Foundation
import Models
import Tensors

/// Records a teacher's numbers in a soft-target file (float16), and reads them from there in each step, none kept in memory.
///
/// The file is removed once it is open.
func recordedTargets(
    _ teacher: CachedTeacher, _ sequences: [[Int32]], layers: [Int]
) throws -> any TeacherTargets {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var plan = TargetPlan()
    plan.hiddenLayers = layers
    _ = try SoftTargetRecorder(teacher: NumbersTeacher(numbers: teacher, layers: layers.max() ?? 0), plan: plan)
        .record(sequences, to: folder) { _, _, _ in }
    return ReadAheadTargets(try SoftTargets(reading: folder, memory: 0))
}

/// A teacher that gives the numbers of another one.
private struct NumbersTeacher: RecordableTeacher {
    let numbers: CachedTeacher
    let layers: Int

    var predictions: (scope: TargetScope, outcomes: Int)? { (.row, numbers.classes) }
    var heads: [Int] { [] }
    var floatsPerPosition: Int { numbers.width }
    var weights: Int { 0 }
    func width(of column: TargetColumn) -> Int { numbers.width }

    func run(
        _ batch: PackedBatch, columns: [TargetColumn], predict: ((Int, UnsafeMutableBufferPointer<Float>) -> Void)?
    ) -> [Tensor] {
        let sequences = (0..<batch.offsets.count).map { Array(batch.tokens[batch.offsets[$0]]) }
        if let predict {
            let logits = numbers.logProbabilities(for: sequences)
            var values = logits.values
            values.withUnsafeMutableBufferPointer { values in
                for row in 0..<logits.rows {
                    predict(
                        row,
                        UnsafeMutableBufferPointer(
                            rebasing: values[row * logits.width..<(row + 1) * logits.width]))
                }
            }
        }
        return columns.map { column in
            guard case .hidden(let layer) = column else { preconditionFailure("only hidden states are recorded here") }
            return numbers.hiddenStates(layer: layer, for: sequences)
        }
    }
}
