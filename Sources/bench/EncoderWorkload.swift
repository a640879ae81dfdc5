import Compression
import Distillation
import Models
import Tensors

/// A 6 × 384 BERT-shaped encoder with 4 classes, that learns from a 12 × 768 teacher or classifies.
struct EncoderWorkload {
    let batch: Int
    let length: Int
    let precision: Precision

    private let key = RandomKey(0)
    private let classes = 4
    private let vocabularySize = 30522
    private let teacherWidth = 768
    private let featurePairs = [(student: 2, teacher: 4), (student: 4, teacher: 8), (student: 6, teacher: 12)]

    /// Where the teacher's targets come from.
    enum Teacher { case inMemory, onDisk, running }

    /// 0.5 CE + 0.5 T² KL + the sum of three feature MSEs, through learned projections, over two batches in turn.
    func distillationStep(_ teacher: Teacher, dropout: Float, checkpointing: Bool) throws -> () throws -> Void {
        let labels = (0..<2 * batch).map { Int(key.mixed("labels").bits($0) % UInt64(classes)) }
        let data = LabelledSequences(sequences: texts(2 * batch), labels: labels)
        let student = encoder("student", layers: 6, width: 384, dropout: dropout)
        let layers = featurePairs.map(\.teacher)
        func cached() -> CachedTeacher {
            CachedTeacher(
                data.sequences, classes: classes, layers: layers, width: teacherWidth, key: key.mixed("targets"))
        }
        let targets: any TeacherTargets =
            switch teacher {
            case .inMemory: cached()
            case .onDisk: try recordedTargets(cached(), data.sequences, layers: layers)
            case .running: try liveTeacher(layers: layers)
            }
        // The objective takes the mean over the pairs: three times that is their sum.
        let weights = LossWeights(
            crossEntropy: 0.5, kl: 0.5, temperature: 2, temperatureSquared: true, features: Float(featurePairs.count),
            featurePairs: featurePairs)
        let objective = try DistillationObjective(
            student: student, data: data, targets: targets, weights: weights, key: key)
        return trainingStep(
            of: objective, objective, batch: batch, precision: precision, checkpointing: checkpointing)
    }

    private func liveTeacher(layers: [Int]) throws -> LiveTeacher {
        let teacher = encoder("teacher", layers: 12, width: teacherWidth, dropout: 0)
        teacher.packForRunning(in: precision)
        return try LiveTeacher(teacher, hiddenLayers: Set(layers), precision: precision)
    }

    /// Classifies one batch.
    func encoding() -> () -> Void {
        let encoder = encoder("student", layers: 6, width: 384, dropout: 0)
        encoder.packForRunning(in: precision)
        let packed = PackedBatch(texts(batch), samples: Array(0..<batch))
        return { [precision] in _ = encoder.logits(packed, precision: precision) }
    }

    /// The same on integers, with grids that were found on 16 of the texts.
    func integerEncoding(weightBits: Int) throws -> () -> Void {
        let encoder = encoder("student", layers: 6, width: 384, dropout: 0)
        let ranges = try ActivationCalibration(method: .minMax).ranges(of: encoder, on: texts(16))
        var scheme = try QuantizationScheme(ranges, of: encoder)
        scheme.weightBits = weightBits
        let runtime = IntegerRuntime(try QuantizedEncoder(encoder, scheme))
        let packed = PackedBatch(texts(batch), samples: Array(0..<batch))
        return { _ = runtime.logits(packed) }
    }

    private func encoder(_ name: String, layers: Int, width: Int, dropout: Float) -> Encoder {
        let configuration = EncoderConfiguration(
            vocabularySize: vocabularySize, hiddenSize: width, layers: layers, heads: 12, feedForward: 4 * width,
            maximumPositions: 512, dropout: dropout, pooling: .first,
            labels: (0..<classes).map { "class \($0)" })
        let encoder = Encoder(unfilled: configuration)
        encoder.fillMatrices(deviation: 0.02, key: key.mixed(name))
        return encoder
    }

    private func texts(_ count: Int) -> [[Int32]] {
        randomTokens(count, length: length, vocabularySize: vocabularySize, key: key.mixed("tokens"))
    }
}
