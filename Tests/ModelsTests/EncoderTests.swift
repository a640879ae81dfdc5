import Files
import Layers
import Models
import Tensors
import Testing

@Suite("Encoder")
struct EncoderTests {
    private func configuration(layers: Int, heads: [Int]? = nil, feedForward: [Int]? = nil) -> EncoderConfiguration {
        var configuration = EncoderConfiguration(
            vocabularySize: 20, hiddenSize: 12, layers: layers, heads: 3, feedForward: 16, maximumPositions: 6,
            dropout: 0, pooling: .first, labels: ["a", "b"])
        if let heads { configuration.heads = heads }
        if let feedForward { configuration.feedForward = feedForward }
        return configuration
    }

    @Test("counts its weights from the configuration alone, also with uneven layers")
    func parameterCount() {
        for configuration in [
            configuration(layers: 2), configuration(layers: 3, heads: [3, 1, 2], feedForward: [16, 5, 9]),
        ] {
            #expect(configuration.parameterCount == Encoder(unfilled: configuration).parameterCount)
        }
    }

    @Test("takes a teacher's embeddings, head and evenly spaced layers, the last ones corresponding")
    func copyLayers() {
        let teacher = Encoder(configuration(layers: 5), key: RandomKey(1))
        // Student layer i of n gets teacher layer ⌈(i + 1) · m / n⌉, counted from 1.
        for (layers, sources) in [(5, [1, 2, 3, 4, 5]), (2, [3, 5]), (3, [2, 4, 5]), (1, [5])] {
            let student = Encoder(configuration(layers: layers), key: RandomKey(2))
            student.copyLayers(of: teacher)
            for (layer, source) in sources.enumerated() {
                let pairs = zip(student.layers[layer].parameters, teacher.layers[source - 1].parameters)
                #expect(pairs.allSatisfy { $0.value.values == $1.value.values }, "layer \(layer) of \(layers)")
            }
            #expect(student.wordEmbeddings.table.value.values == teacher.wordEmbeddings.table.value.values)
            #expect(student.classifier?.weight.value.values == teacher.classifier?.weight.value.values)
        }
    }

    @Test("takes the first rows of a teacher's larger tables, and never writes into the teacher")
    func copyLargerTables() {
        var larger = configuration(layers: 2)
        larger.vocabularySize = 25
        larger.maximumPositions = 9
        let teacher = Encoder(larger, key: RandomKey(1))
        let student = Encoder(configuration(layers: 2), key: RandomKey(2))
        student.copyLayers(of: teacher)
        #expect(student.wordEmbeddings.table.value.values == Array(teacher.wordEmbeddings.table.value.values[..<240]))
        #expect(
            student.positionEmbeddings.table.value.values == Array(teacher.positionEmbeddings.table.value.values[..<72])
        )
        let taught = teacher.layers[0].query.weight.value.values
        student.layers[0].query.weight.value.add(Tensor(repeating: 1, shape: [12, 12]))
        #expect(teacher.layers[0].query.weight.value.values == taught)
    }

    @Test(
        "packed for running says the same to the last bit, also where pruning left layers without heads or neurons",
        arguments: Precision.allCases)
    func packedForRunning(precision: Precision) {
        let uneven = configuration(layers: 3, heads: [3, 0, 2], feedForward: [16, 5, 0])
        let batch = PackedBatch([[1, 2, 3, 4], [5], [19, 7]], samples: [0, 1, 2])
        for configuration in [configuration(layers: 2), uneven] {
            let encoder = Encoder(configuration, key: RandomKey(1))
            let count = encoder.parameterCount
            let logits = encoder.logits(batch, precision: precision)
            for _ in 0..<2 {
                encoder.packForRunning(in: precision)
                #expect(encoder.logits(batch, precision: precision).values == logits.values)
                #expect(encoder.parameterCount == count)
            }
        }
    }

    /// Float32 differs by the order of softmax's roundings; in bfloat16 besides what is rounded is the exponential, not the
    /// probability: 2⁻⁸ of what is mixed, at the end of one layer.
    @Test(
        "gives the logits of a whole pass where only what the head reads is computed",
        arguments: [EncoderConfiguration.Pooling.first, .mean, .max], [(Precision.float32, 2e-6), (.bfloat16, 5e-3)])
    func logitsAlone(pooling: EncoderConfiguration.Pooling, precision: (kind: Precision, tolerance: Double)) {
        let shapes: [(heads: [Int], feedForward: [Int])] = [([3], [16]), ([3, 2], [16, 9]), ([3, 0], [5, 0])]
        let batch = PackedBatch([[1, 2, 3, 4, 18, 6], [5], [19, 7]], samples: [0, 1, 2])
        for family in EncoderConfiguration.Family.allCases {
            for shape in shapes {
                var configuration = configuration(
                    layers: shape.heads.count, heads: shape.heads, feedForward: shape.feedForward)
                (configuration.family, configuration.pooling) = (family, pooling)
                let encoder = Encoder(configuration, key: RandomKey(1))
                for parameter in encoder.parameters {
                    parameter.value = Tensor(parameter.value.values.map { $0 * 8 }, shape: parameter.value.shape)
                }
                let whole = encoder.forward(batch, on: Tape(recording: false, precision: precision.kind)).logits.value
                let found = encoder.logits(batch, precision: precision.kind)
                let largest = whole.values.reduce(1) { max($0, abs($1)) }
                #expect(found.shape == whole.shape && whole.values.contains { $0 != whole.values[0] })
                #expect(
                    zip(found.values, whole.values).allSatisfy {
                        abs(Double($0 - $1)) <= precision.tolerance * Double(largest)
                    }, "\(family), heads \(shape.heads)")
            }
        }
    }

    @Test("takes the teacher's layers that are chosen, in that order")
    func chosenLayers() {
        let teacher = Encoder(configuration(layers: 5), key: RandomKey(1))
        let student = Encoder(configuration(layers: 3), key: RandomKey(2))
        student.copyLayers(of: teacher, chosen: [4, 1, 5])
        for (layer, source) in [4, 1, 5].enumerated() {
            let pairs = zip(student.layers[layer].parameters, teacher.layers[source - 1].parameters)
            #expect(pairs.allSatisfy { $0.value.values == $1.value.values }, "layer \(layer)")
        }
    }

    @Test("takes the first columns, whole heads and neurons of a wider teacher, everywhere the same")
    func truncates() {
        var wide = configuration(layers: 2)
        (wide.hiddenSize, wide.heads, wide.feedForward) = (20, [5, 5], [21, 18])
        let teacher = Encoder(wide, key: RandomKey(1))
        // Norms and biases that differ from place to place.
        for parameter in teacher.parameters where !parameter.decays {
            parameter.value = Tensor((0..<parameter.value.count).map { Float($0) + 1 }, shape: parameter.value.shape)
        }
        let student = Encoder(configuration(layers: 2), key: RandomKey(2))
        student.copyLayers(of: teacher)
        for (small, large) in zip(student.parameters, teacher.parameters) {
            #expect(small.name == large.name)
            let (rows, columns) = (small.value.shape.dropLast().reduce(1, *), small.value.shape.last!)
            let width = large.value.shape.last!
            let block = (0..<rows).flatMap { large.value.values[$0 * width..<$0 * width + columns] }
            #expect(small.value.values == block, "\(small.name)")
        }
    }

    @Test("computes what a teacher of the same width would without its other heads and neurons")
    func withoutTheRest() {
        var large = configuration(layers: 2)
        (large.heads, large.feedForward) = ([5, 4], [21, 18])
        let teacher = Encoder(large, key: RandomKey(1))
        let student = Encoder(configuration(layers: 2), key: RandomKey(2))
        student.copyLayers(of: teacher)
        for layer in teacher.layers {
            for (linear, kept) in [(layer.attentionOutput, 12), (layer.output, 16)] {
                let width = linear.weight.value.shape[1]
                let masked = linear.weight.value.values.enumerated().map { $0 % width < kept ? $1 : 0 }
                linear.weight.value = Tensor(masked, shape: linear.weight.value.shape)
            }
        }
        let batch = PackedBatch([[1, 2, 3], [4, 5, 6, 7, 8]], samples: [0, 1])
        let (ours, theirs) = (student.logits(batch).values, teacher.logits(batch).values)
        #expect(zip(ours, theirs).allSatisfy { abs($0 - $1) < 1e-6 } && ours.contains { abs($0) > 1e-4 })
    }

    @Test("says of which teachers it can take layers")
    func canCopyLayers() {
        let student = configuration(layers: 2)
        func can(_ change: (inout EncoderConfiguration) -> Void) -> Bool {
            var teacher = configuration(layers: 3)
            change(&teacher)
            return student.canCopyLayers(of: teacher)
        }
        #expect(can { _ in })
        #expect(can { $0.vocabularySize += 1 })
        #expect(can { ($0.hiddenSize, $0.heads, $0.feedForward) = (24, [6, 6, 6], [30, 30, 30]) })
        #expect(can { $0.heads = [1, 3, 4] }, "layer 1 of 3 is not taken")
        let teacher = configuration(layers: 3)
        #expect(student.canCopyLayers(of: teacher, chosen: [3, 1]))
        for chosen in [[1], [1, 2, 3], [0, 1], [1, 4]] {
            #expect(!student.canCopyLayers(of: teacher, chosen: chosen), "\(chosen)")
        }
        let changes: [(inout EncoderConfiguration) -> Void] = [
            { $0.hiddenSize = 11 }, { $0.headSize = 2 }, { $0.heads = [2, 2, 2] }, { $0.feedForward = [15, 15, 15] },
            { $0.heads = [3, 3, 2] }, { $0.feedForward = [16, 16, 15] },
            { $0.vocabularySize -= 1 }, { $0.maximumPositions -= 1 }, { $0.tokenTypes -= 1 }, { $0.labels = ["a"] },
            { ($0.heads, $0.feedForward) = ([3], [16]) },
        ]
        for (index, change) in changes.enumerated() { #expect(!can(change), "change \(index)") }
    }

    @Test("refuses to hand out logits that are not finite")
    func notFinite() throws {
        let encoder = Encoder(configuration(layers: 1), key: RandomKey(1))
        #expect(try encoder.logits(of: [[1, 2], [3]]).count == 4)
        #expect(throws: InputError.self) { try encoder.logits(of: [[1, 2], []]) }
        encoder.classifier?.bias!.value = Tensor([0, .nan], shape: [2])
        #expect(throws: InputError.self) { try encoder.logits(of: [[1, 2], [3]]) }
    }

    @Test("renames its classes in order")
    func rename() {
        let encoder = Encoder(configuration(layers: 1), key: RandomKey(1))
        encoder.rename(classes: ["benign", "injection"])
        #expect(encoder.configuration.labels == ["benign", "injection"])
    }

    @Test("reports the sizes of a layer that was replaced")
    func replaceLayer() {
        let encoder = Encoder(configuration(layers: 2), key: RandomKey(1))
        let donor = Encoder(configuration(layers: 2, heads: [3, 1], feedForward: [16, 7]), key: RandomKey(2))
        encoder.replaceLayer(1, by: donor.layers[1])
        #expect(encoder.configuration.heads == [3, 1])
        #expect(encoder.configuration.feedForward == [16, 7])
        #expect(encoder.configuration.parameterCount == encoder.parameterCount)
        #expect(encoder.forward(PackedBatch([[1, 2]], samples: [0]), on: Tape()).logits.shape == [1, 2])
    }

    @Test("gives queries, keys and values of the layers that are asked for, which are what attention reads")
    func attentionStates() {
        let encoder = Encoder(configuration(layers: 3, heads: [3, 1, 2]), key: RandomKey(1))
        let batch = PackedBatch([[1, 2, 3], [4], [5, 6]], samples: [0, 1, 2])
        let tape = Tape(recording: false)
        let plain = encoder.forward(batch, on: tape, capturing: true)
        #expect(plain.attentionStates.isEmpty)
        for capturing in [false, true] {
            let output = encoder.forward(batch, on: tape, capturing: capturing, attentionLayers: [1, 3])
            #expect(output.attentionStates.keys.sorted() == [1, 3])
            #expect(output.contexts.count == (capturing ? 3 : 0))
            #expect(output.logits.value.values == plain.logits.value.values)
            for (layer, heads) in [(1, 3), (3, 2)] {
                let states = output.attentionStates[layer]!
                #expect(AttentionPart.allCases.allSatisfy { states[$0]?.shape == [6, 4 * heads] })
                let context = tape.attention(
                    q: states[.query]!, k: states[.key]!, v: states[.value]!, heads: heads, offsets: batch.offsets)
                #expect(context.value.values == plain.contexts[layer - 1].value.values)
            }
        }
    }

    @Test("hands gradients of queries, keys and values on, on a checkpointing tape as on another")
    func attentionGradients() {
        let encoder = Encoder(configuration(layers: 3), key: RandomKey(1))
        let batch = PackedBatch([[1, 2, 3], [4], [5, 6]], samples: [0, 1, 2])
        func gradients(_ tape: Tape) -> [[Float]] {
            for parameter in encoder.parameters { parameter.gradient.clear() }
            let output = encoder.forward(batch, on: tape, attentionLayers: [2])
            let states = AttentionPart.allCases.map { output.attentionStates[2]![$0]! }
            tape.backward(from: tape.add(tape.add(states[0], states[1]), states[2]))
            return encoder.parameters.map(\.gradient.value.values)
        }
        let (plain, checkpointed) = (gradients(Tape()), gradients(Tape(checkpointing: true)))
        #expect(plain == checkpointed)
        for (parameter, gradient) in zip(encoder.parameters, plain) {
            // What stands behind the second layer's projections gets nothing.
            let isBefore = ["embeddings", "layer.0.", "layer.1.attention.self."].contains {
                parameter.name.contains($0)
            }
            #expect(gradient.contains { $0 != 0 } == isBefore, "\(parameter.name)")
        }
    }
}
