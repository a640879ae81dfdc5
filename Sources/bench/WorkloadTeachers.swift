import Distillation
import Tensors

/// A teacher whose targets were recorded: random numbers in memory, found by the token row.
struct CachedTeacher: TeacherTargets {
    let width: Int
    let classes: Int
    /// The place of each sequence in what is recorded.
    private let row: [[Int32]: Int]
    /// [R, classes] for R sequences.
    private let logits: Tensor
    /// Per layer: [R, T · d_t].
    private let states: [Int: Tensor]

    /// - Parameter sequences: all of one length.
    init(_ sequences: [[Int32]], classes: Int, layers: [Int], width: Int, key: RandomKey) {
        self.width = width
        self.classes = classes
        row = Dictionary(uniqueKeysWithValues: sequences.enumerated().map { ($0.element, $0.offset) })
        func recorded(_ name: String, _ width: Int) -> Tensor {
            var values = Tensor(uninitialized: [sequences.count, width])
            values.fillUniformly(deviation: 1, key: key.mixed(name))
            return values
        }
        logits = recorded("logits", classes)
        let length = sequences[0].count
        states = Dictionary(uniqueKeysWithValues: layers.map { ($0, recorded("layer \($0)", length * width)) })
    }

    /// Logits do as well as log-probabilities: the loss ignores a shift.
    func logProbabilities(for sequences: [[Int32]]) -> Tensor {
        rows(sequences, of: logits)
    }

    func hiddenStates(layer: Int, for sequences: [[Int32]]) -> Tensor {
        let found = rows(sequences, of: states[layer]!)
        return found.reshaped([found.count / width, width])
    }

    func width(layer: Int) -> Int { width }

    /// What is recorded for these sequences. recorded: [R, X] → [B, X].
    private func rows(_ sequences: [[Int32]], of recorded: Tensor) -> Tensor {
        let (places, width) = (sequences.map { row[$0]! }, recorded.width)
        var result = Tensor(uninitialized: [places.count, width])
        recorded.withUnsafeBufferPointer { source in
            result.withUnsafeMutableBufferPointer { destination in
                Threads.forEach(places.count) { index in
                    (destination.baseAddress! + index * width)
                        .update(from: source.baseAddress! + places[index] * width, count: width)
                }
            }
        }
        return result
    }
}
