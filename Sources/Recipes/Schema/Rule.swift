/// A combination of values that cannot work, though each value alone is allowed.
struct Rule: Sendable {
    /// A violation: the key that the error names, what was found, and what can be done.
    struct Violation {
        let path: String
        let problem: String
        let remedy: String
    }

    /// The keys that the rule looks at; it is not judged when one of them could not be read.
    let paths: [String]
    /// One sentence for the reference page.
    let documentation: String
    let violations: @Sendable (Recipe) -> [Violation]

    /// Whether none of `unreadable` is one of the rule's keys, holds one or lies inside one.
    func canBeJudged(without unreadable: [String]) -> Bool {
        !unreadable.contains { bad in
            paths.contains {
                $0 == bad || $0.hasPrefix(bad + ".") || bad.hasPrefix($0 + ".") || bad.hasPrefix($0 + "[")
            }
        }
    }

    static let all: [Rule] = [
        headsDivideHidden("student") { recipe in
            recipe.student.hidden.flatMap { hidden in recipe.student.heads.map { (hidden, $0) } }
        },
        headsDivideHidden("teacher.train") { recipe in recipe.teacher.train.map { ($0.hidden, $0.heads) } },
        languageModel, numbers, exportHoldsModel, keyHeadsDivideHeads, oneTeacher, fineTunedModel, namedTargets,
        mixedTargets, oneTokenizer,
        sizesWithoutTeacher, distinctColumns, copiedLayers, chosenLayers, beginsWithCheckpoint,
        someLoss, betaOfJSD, pairsExist,
        attentionPairsExist,
        relationsFit, microBatchDivides, enoughHeads, layersStay, labelsForTaylor, wholeBlocks,
    ]

    private static func headsDivideHidden(
        _ section: String, _ shape: @escaping @Sendable (Recipe) -> (hidden: Int, heads: Int)?
    ) -> Rule {
        Rule(
            paths: ["\(section).hidden", "\(section).heads"],
            documentation: "`\(section).heads` must divide `\(section).hidden`."
        ) { recipe in
            guard let (hidden, heads) = shape(recipe), !hidden.isMultiple(of: heads) else { return [] }
            let below = (1...heads).last { hidden.isMultiple(of: $0) } ?? 1
            return [
                Violation(
                    path: "\(section).heads", problem: "\(heads) heads do not divide the hidden width \(hidden)",
                    remedy: "use \(below) heads, or a width that is a multiple of \(heads)")
            ]
        }
    }

    private static let fineTunedModel = Rule(
        paths: ["teacher.model", "teacher.fine_tune"],
        documentation: "`teacher.fine_tune` trains the teacher that `teacher.model` names."
    ) { recipe in
        guard recipe.teacher.fineTune != nil, recipe.teacher.model == nil else { return [] }
        return [
            Violation(
                path: "teacher.fine_tune", problem: "there is no teacher.model to train",
                remedy: "name the checkpoint in teacher.model, or remove teacher.fine_tune")
        ]
    }

    private static let distinctColumns = Rule(
        paths: ["data.text", "data.label"],
        documentation: "`data.text` and `data.label` are different columns."
    ) { recipe in
        guard recipe.data.text == recipe.data.label else { return [] }
        return [
            Violation(
                path: "data.label", problem: "the column '\(recipe.data.label)' is also the text column",
                remedy: "name the column that holds the labels")
        ]
    }

    private static let microBatchDivides = Rule(
        paths: ["train.batch", "train.micro_batch"],
        documentation: "`train.micro_batch` divides `train.batch`."
    ) { recipe in
        let train = recipe.train
        guard !train.batch.isMultiple(of: train.microBatch) else { return [] }
        let below = (1...min(train.microBatch, train.batch)).last { train.batch.isMultiple(of: $0) } ?? 1
        return [
            Violation(
                path: "train.micro_batch", problem: "\(train.microBatch) does not divide the batch of \(train.batch)",
                remedy: "use \(below)")
        ]
    }

    private static let enoughHeads = Rule(
        paths: ["prune.heads.min_heads", "student.heads"],
        documentation: "`prune.heads.min_heads` is at most `student.heads`."
    ) { recipe in
        guard let prune = recipe.prune, let heads = recipe.student.heads, prune.heads.minHeads > heads else {
            return []
        }
        return [
            Violation(
                path: "prune.heads.min_heads",
                problem: "\(prune.heads.minHeads) heads are to stay in layers of \(heads)",
                remedy: "use at most \(heads)")
        ]
    }
}
