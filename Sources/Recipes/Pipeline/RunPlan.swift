import Files
import Foundation

/// What a run would read and cost, found out without writing anything.
public protocol RunPlan: Encodable {
    /// The plan for a person, a fact per line.
    var lines: [String] { get }
    /// Names of the stages in their order, and how many steps those have that train.
    var stages: [String] { get }
    var trainingSteps: [String: Int] { get }
    var teacherParameters: Int { get }
    var studentParameters: Int { get }
    /// Rough bytes of the recorded targets.
    var targetBytes: Int { get }
    /// Where the run would be; 0 where the file system does not say.
    var freeDiskBytes: Int { get }
    /// Rough peak memory of the run.
    var memoryBytes: Int { get }
    /// Rough time of what takes longest, from a few real steps.
    var seconds: Double { get }
}

extension Recipe {
    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    public func plan() throws -> any RunPlan {
        switch task {
        case .classification: try ClassificationPlan(checking: self)
        case .languageModel: try LanguageModelPlan(checking: self)
        case .regression, .embedding: try ValuePlan(checking: self)
        }
    }

    /// Where a path of the recipe leads; `~/` is the home directory.
    static func place(_ path: String) -> URL {
        URL(fileURLWithPath: (path as NSString).expandingTildeInPath)
    }
}

extension RunPlan {
    /// Memory against the machine's; on the disk targets, checkpoints (weights, two moments, and what `train` asks for beside
    /// them, `keep` + 1 at a time) and so many finished models.
    ///
    /// - Throws: `InputErrors` with what there is no room for.
    func checkRoom(_ recipe: Recipe, models: Int) throws {
        var errors: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            errors.append(recipe.places.error(at: key, problem: problem, remedy: remedy))
        }
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        if memoryBytes > machine {
            refuse(
                "student", "the run needs about \(memoryBytes >> 20) MB of memory, the machine has \(machine >> 20) MB",
                "make the teacher or the student smaller, or lower train.batch or data.max_length")
        }
        let largest = max(teacherParameters, studentParameters)
        let copies = 3 + (recipe.train.ema == nil ? 0 : 1) + (recipe.train.earlyStopping == nil ? 0 : 1)
        let needed = targetBytes + 4 * largest * (copies * (recipe.run.keep + 1) + models)
        if freeDiskBytes > 0, needed > freeDiskBytes {
            refuse(
                "run.directory", "the run needs about \(needed >> 20) MB, and \(freeDiskBytes >> 20) MB are free",
                "free some space, choose another run.directory, name fewer layers in loss, or set teacher.targets.source=live"
            )
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    /// The lines that end every plan: stages, memory, time, disk.
    ///
    /// - Parameter work: what the time is for.
    func closingLines(work: String) -> [String] {
        let steps = stages.map { name in trainingSteps[name].map { "\(name) (\($0) steps)" } ?? name }
        return [
            "stages       \(steps.joined(separator: " → "))",
            "memory       about \(memoryBytes >> 20) MB at most",
            "time         about \(Int((seconds / 60).rounded(.up))) min of \(work) on this machine",
            "disk         about \(targetBytes / 1_000_000 + 1) MB of targets"
                + (freeDiskBytes > 0 ? "; \(freeDiskBytes / 1_000_000) MB free" : ""),
        ]
    }

    /// A line of a plan.
    static func line(_ name: String, _ text: String) -> String {
        name.padding(toLength: 13, withPad: " ", startingAt: 0) + text
    }

    /// How many rows of the other splits have a text that is a training text too.
    static func overlapLines(_ overlap: [String: Int]) -> [String] {
        overlap.sorted { $0.key < $1.key }.filter { $0.value > 0 }.map {
            line("overlap", "\($0.value) \($0.key) texts are training texts too")
        }
    }
}
