import Files

/// All that a stage's result depends on: the recipe's sections that it reads, the data, and what the stages before it
/// made. A stage that finished with the same digest need not run again.
struct StageInputs {
    /// Digest of each part, by a name that a person understands.
    private(set) var parts: [String: String] = [:]
    private var texts: [String]

    /// - Parameters:
    ///   - outside: what the run reads from outside.
    ///   - state: what the stages before made.
    init(of stage: Pipeline.Stage, recipe: Recipe, outside: TaskInputs, state: RunState) {
        let (sections, sources) = Self.dependencies(of: stage)
        texts = [stage.rawValue]
        add(outside.data, "the data")
        if [.tokenizer, .teacher].contains(stage) { add(outside.teacher, "the ready teacher's files") }
        if [.baseline, .student].contains(stage) { add(outside.checkpoint, "the files that the student begins with") }
        if stage == .adapt { add(outside.adapt, "the rows to adapt to") }
        for section in sections { add(recipe.section(section), "`\(section)` in the recipe") }
        // What is recorded depends on the losses of training stages too.
        if stage == .label {
            add(recipe.losses.dropFirst().map { $0.loss.setting.inlineYAML }.joined(), "the losses of `train.stages`")
        }
        if stage == .label || sources.contains(.label) {
            add(outside.targets, "the soft targets that the recipe names")
        }
        for source in sources {
            for (path, digest) in (state.stages[source.rawValue]?.outputs ?? [:]).sorted(by: { $0.key < $1.key }) {
                add("\(path) \(digest)", "\(path) of the stage `\(source.rawValue)`")
            }
        }
    }

    /// Of all parts together.
    var digest: String { Digest.sha256(texts.joined(separator: "\n")) }

    private mutating func add(_ text: String, _ name: String) {
        texts.append(text)
        parts[name] = Digest.sha256(text)
    }

    /// The recipe's sections that a stage reads, and the stages whose results it takes.
    static func dependencies(of stage: Pipeline.Stage) -> (sections: [String], sources: [Pipeline.Stage]) {
        switch stage {
        case .tokenizer: (["data", "tokenizer", "teacher"], [])
        case .teacher: (["seed", "teacher"], [.tokenizer])
        case .label: (["teacher", "loss"], [.teacher])
        case .baseline: (["seed", "student", "train"], [.teacher])
        case .student: (["seed", "student", "loss", "train"], [.teacher, .label])
        case .adapt: (["seed", "train", "adapt"], [.student])
        case .prune: (["seed", "loss", "train", "prune"], [.teacher, .label, .student, .adapt])
        case .quantize: (["seed", "loss", "train", "quantize"], [.teacher, .label, .student, .adapt, .prune])
        case .export: (["export", "name"], [.student, .adapt, .prune, .quantize])
        case .evaluate: (["evaluate"], [.teacher, .baseline, .student, .adapt, .prune, .quantize, .export])
        }
    }
}

extension Recipe {
    /// The resolved text of one top-level key.
    func section(_ key: String) -> String {
        let lines = resolvedYAML().split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix(key + ":") }) else { return "" }
        let rest = lines[(start + 1)...].prefix { $0.hasPrefix(" ") || $0.hasPrefix("-") }
        return ([lines[start]] + rest).joined(separator: "\n")
    }
}
