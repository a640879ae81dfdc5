import Distillation
import Evaluation
import Files
import Models
import Tokenizers

extension Recipe {
    /// What of the recipe cannot work with this very teacher. Found before training, not after it.
    func problems(teacher: DecoderConfiguration, tokenizer: any Tokenizers.Tokenizer) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        if tokenizer.vocabularySize > teacher.vocabularySize {
            refuse(
                "teacher.model",
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model's table \(teacher.vocabularySize) rows",
                "give the tokenizer that the model was trained with")
        }
        if data.maxLength > teacher.maximumPositions {
            refuse(
                "data.max_length", "\(data.maxLength) is more than the teacher's \(teacher.maximumPositions) positions",
                "set data.max_length=\(teacher.maximumPositions) or less")
        }
        do {
            _ = try teacher.rotary?.publishedScaling(headSize: teacher.headSize)
        } catch {
            // The student is written as a directory.
            refuse(
                "teacher.model", "its rotary factors are not Llama 3.1's, and have no form in config.json",
                "take another teacher")
        }
        if student.layers > teacher.layers, student.initialize == .teacherLayers {
            refuse(
                "student.layers", "\(student.layers) layers are to be copied from a teacher of \(teacher.layers)",
                "use at most \(teacher.layers), or initialize: random")
        }
        let heads = student.heads ?? teacher.heads[0]
        let hidden = student.hidden ?? teacher.hiddenSize
        guard hidden.isMultiple(of: heads), (hidden / heads).isMultiple(of: 2), teacher.heads[0] > 0 else {
            refuse(
                "student.heads",
                "\(heads) heads on the width \(hidden): a head's width must be a whole and even number",
                "give student.hidden and student.heads so that hidden / heads is even")
            return problems
        }
        if self.student.feedForward == nil, teacher.feedForward[0] == 0 {
            refuse(
                "student.feed_forward", "the teacher's first layer has no neurons, whose number the student would have",
                "give the number of neurons")
        }
        let student = studentConfiguration(teacher: teacher)
        if let keyHeads = student.keyHeads.first, keyHeads == 0 || !student.heads[0].isMultiple(of: keyHeads) {
            refuse("student.key_heads", "\(keyHeads) does not divide the \(heads) heads", "use a number that does")
        }
        if self.student.initialize == .teacherLayers, problems.isEmpty, !student.canCopyLayers(of: teacher) {
            refuse(
                "student.initialize", "the student's sizes are not the teacher's, whose layers are to be copied",
                "leave hidden, heads, key_heads and feed_forward out, or set student.initialize=random")
        }
        if let beyond = self.student.teacherLayers?.first(where: { $0 > teacher.layers }) {
            refuse(
                "student.teacher_layers", "layer \(beyond) of a teacher with \(teacher.layers) layers",
                "name layers from 1 to \(teacher.layers)")
        }
        let pairs = losses.flatMap { path, loss in (loss.features?.pairs ?? []).map { (path, $0) } }
        for (path, pair) in pairs where pair.teacher > teacher.layers {
            refuse(
                "\(path).features.pairs",
                "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                "name teacher layers from 0 (the embedding) to \(teacher.layers)")
        }
        for gate in evaluate.gates {
            do throws(InputError) {
                let models = Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key)
                _ = try Evaluation.Gate(
                    metric: gate.metric, expression: gate.condition, models: models + ["truncated"],
                    metrics: Evaluation.Gate.Metric.of(.languageModel), subject: models.last)
            } catch {
                refuse("evaluate.gates.\(gate.metric)", error.problem, error.remedy ?? "")
            }
        }
        return problems
    }

    /// Refuses named targets that are not for this tokenizer or this loss, or that hold numbers that are none.
    ///
    /// - Parameter first: the first training row.
    func checkPositionTargets(
        _ named: [SoftTargets], _ tokenizer: any Tokenizers.Tokenizer, first: [Int32]
    ) throws {
        for targets in named {
            try check(targets, tokenizer, [first])
            guard teacher.targets.mix == nil else { continue }
            for temperature in temperatures { _ = try targets.likeliest(for: [first], temperature: temperature) }
        }
        if let mix = teacher.targets.mix { _ = try mixture(mix, of: named) }
    }
}
