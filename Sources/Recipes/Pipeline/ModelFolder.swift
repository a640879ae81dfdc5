/// The folders of a run that hold its models.
enum ModelFolder {
    static let tokenizer = "models/tokenizer"
    static let teacher = "models/teacher"
    static let baseline = "models/labels_only"
    static let student = "models/student"
    static let adapted = "models/adapted"
    static let pruned = "models/pruned"
    static let int8 = "models/int8"
}

extension Pipeline {
    /// The run's own recording.
    static let targetsFolder = "targets/train"
    /// What the run made of several recordings.
    static let mixedTargetsFile = "targets/mixed.h5"

    /// The models that these stages make, in their order.
    static func evaluatedModels(of stages: [Stage]) -> [(key: String, name: String, folder: String)] {
        let models: [(stage: Stage, key: String, name: String, folder: String)] = [
            (.teacher, "teacher", "Teacher", ModelFolder.teacher),
            (.baseline, "labels_only", "Student, labels only", ModelFolder.baseline),
            (.student, "student", "Student, distilled", ModelFolder.student),
            (.adapt, "adapted", "Student, adapted", ModelFolder.adapted),
            (.prune, "pruned", "Pruned", ModelFolder.pruned),
            (.quantize, "int8", "INT8", ModelFolder.int8),
        ]
        return models.filter { stages.contains($0.stage) }.map { ($0.key, $0.name, $0.folder) }
    }
}
