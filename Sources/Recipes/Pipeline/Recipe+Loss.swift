import Distillation
import Files
import Models

extension Recipe {
    /// The loss of the recipe.
    var lossWeights: LossWeights {
        let divergence: Distillation.Divergence =
            switch loss.kl.divergence {
            case .forwardKL: .forwardKL
            case .reverseKL: .reverseKL
            case .jsd: .jsd(beta: loss.kl.beta ?? 0.5)
            }
        var weights = LossWeights(
            crossEntropy: Float(loss.crossEntropy), kl: Float(loss.kl.weight), divergence: divergence,
            temperature: loss.kl.temperature, temperatureSquared: loss.kl.temperatureSquared,
            features: Float(loss.features?.weight ?? 0),
            featureLoss: loss.features?.kind == .cosine ? .cosine : .squaredError,
            featurePairs: (loss.features?.pairs ?? []).map { ($0.student, $0.teacher) },
            relations: loss.relations.map {
                LossWeights.Relations(
                    weight: Float($0.weight), studentLayer: $0.studentLayer, teacherLayer: $0.teacherLayer,
                    heads: $0.heads)
            },
            attention: Float(loss.attention?.weight ?? 0),
            attentionPairs: (loss.attention?.pairs ?? []).map { ($0.student, $0.teacher) })
        weights.end = LossWeights.Ends(
            crossEntropy: loss.crossEntropyEnd.map { Float($0) }, kl: loss.kl.weightEnd.map { Float($0) },
            temperature: loss.kl.temperatureEnd, features: loss.features?.weightEnd.map { Float($0) },
            relations: loss.relations?.weightEnd.map { Float($0) },
            attention: loss.attention?.weightEnd.map { Float($0) })
        return weights
    }

    /// What the loss asks of this very teacher and student and they cannot give.
    func lossProblems(teacher: EncoderConfiguration, student: EncoderConfiguration) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String?) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        for pair in loss.features?.pairs ?? [] where pair.teacher > teacher.layers {
            refuse(
                "loss.features.pairs", "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                "name teacher layers from 0 (the embedding) to \(teacher.layers)")
        }
        for pair in loss.attention?.pairs ?? [] {
            guard pair.teacher <= teacher.layers else {
                refuse(
                    "loss.attention.pairs",
                    "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                    "name teacher layers from 1 to \(teacher.layers)")
                continue
            }
            let (ours, theirs) = (student.heads[pair.student - 1], teacher.heads[pair.teacher - 1])
            if ours != theirs {
                refuse(
                    "loss.attention.pairs",
                    "layer \(pair.student) of the student has \(ours) heads, layer \(pair.teacher) of the teacher \(theirs)",
                    "pair layers with as many heads, or use loss.relations, which needs no equal heads")
            }
        }
        if let relations = loss.relations {
            if relations.teacherLayer > teacher.layers {
                refuse(
                    "loss.relations.teacher_layer",
                    "the teacher has \(teacher.layers) layers, and layer \(relations.teacherLayer) is named",
                    "name one from 1 to \(teacher.layers)")
            } else {
                let width = teacher.heads[relations.teacherLayer - 1] * teacher.headSize
                if width == 0 || !width.isMultiple(of: relations.heads) {
                    refuse(
                        "loss.relations.heads",
                        "\(relations.heads) heads do not divide the width \(width) of the teacher's attention",
                        "use a number that divides the width of both models")
                }
            }
        }
        return problems
    }
}
