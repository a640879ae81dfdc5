import Distillation
import Files
import Models

extension Recipe {
    /// What pruning and quantization recover by: the loss that training ends with.
    var recoveryLoss: Loss { trainingParts[trainingParts.count - 1].loss }
}

extension Recipe.Loss {
    var weights: LossWeights {
        let divergence: Distillation.Divergence =
            switch kl.divergence {
            case .forwardKL: .forwardKL
            case .reverseKL: .reverseKL
            case .jsd: .jsd(beta: kl.beta ?? 0.5)
            }
        var weights = LossWeights(
            crossEntropy: Float(crossEntropy), kl: Float(kl.weight), divergence: divergence,
            temperature: kl.temperature, temperatureSquared: kl.temperatureSquared,
            features: Float(features?.weight ?? 0),
            featureLoss: features?.kind == .cosine ? .cosine : .squaredError,
            featurePairs: (features?.pairs ?? []).map { ($0.student, $0.teacher) },
            relations: relations.map {
                LossWeights.Relations(
                    weight: Float($0.weight), studentLayer: $0.studentLayer, teacherLayer: $0.teacherLayer,
                    heads: $0.heads)
            },
            attention: Float(attention?.weight ?? 0),
            attentionPairs: (attention?.pairs ?? []).map { ($0.student, $0.teacher) })
        weights.end = LossWeights.Ends(
            crossEntropy: crossEntropyEnd.map { Float($0) }, kl: kl.weightEnd.map { Float($0) },
            temperature: kl.temperatureEnd, features: features?.weightEnd.map { Float($0) },
            relations: relations?.weightEnd.map { Float($0) },
            attention: attention?.weightEnd.map { Float($0) })
        return weights
    }
}

extension Recipe {
    /// What the loss asks of this very teacher and student and they cannot give.
    func lossProblems(teacher: EncoderConfiguration, student: EncoderConfiguration) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String?) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        for (path, loss) in losses {
            for pair in loss.features?.pairs ?? [] where pair.teacher > teacher.layers {
                refuse(
                    "\(path).features.pairs",
                    "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                    "name teacher layers from 0 (the embedding) to \(teacher.layers)")
            }
            for pair in loss.attention?.pairs ?? [] {
                guard pair.teacher <= teacher.layers else {
                    refuse(
                        "\(path).attention.pairs",
                        "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                        "name teacher layers from 1 to \(teacher.layers)")
                    continue
                }
                let (ours, theirs) = (student.heads[pair.student - 1], teacher.heads[pair.teacher - 1])
                if ours != theirs {
                    refuse(
                        "\(path).attention.pairs",
                        "layer \(pair.student) of the student has \(ours) heads, layer \(pair.teacher) of the teacher \(theirs)",
                        "pair layers with as many heads, or use loss.relations, which needs no equal heads")
                }
            }
            if let relations = loss.relations {
                if relations.teacherLayer > teacher.layers {
                    refuse(
                        "\(path).relations.teacher_layer",
                        "the teacher has \(teacher.layers) layers, and layer \(relations.teacherLayer) is named",
                        "name one from 1 to \(teacher.layers)")
                } else {
                    let width = teacher.heads[relations.teacherLayer - 1] * teacher.headSize
                    if width == 0 || !width.isMultiple(of: relations.heads) {
                        refuse(
                            "\(path).relations.heads",
                            "\(relations.heads) heads do not divide the width \(width) of the teacher's attention",
                            "use a number that divides the width of both models")
                    }
                }
            }
        }
        return problems
    }
}
