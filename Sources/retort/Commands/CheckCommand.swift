import ArgumentParser
import Foundation
import Recipes

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read everything that a run would read, and say what it would do. Writes nothing.",
        discussion: """
            EXAMPLE
              retort check recipes/quickstart.yaml data.max_length=48

            Exits 2 with every problem found, each with its file and line.
            """)

    @OptionGroup var options: RecipeOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let (recipe, _) = try options.source.load()
        let plan = try RunPlan(checking: recipe)
        if json { return try JSONLineWriter(isPretty: true).write(plan) }
        for line in plan.description { printData(line) }
        Message.line("next: retort run \(([options.recipe] + options.overrides).joined(separator: " "))")
    }
}

extension RunPlan.Split {
    /// How many files and entries were read, where it is not one file.
    fileprivate var extent: String {
        let parts = [(files, "file", "files"), (entries, "entry", "entries")].filter { $0.0 > 0 }
        guard files > 1 || entries > 0 else { return "" }
        return ", " + parts.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }.joined(separator: " with ")
    }
}

extension RunPlan {
    /// The plan for a person, a fact per line.
    fileprivate var description: [String] {
        var lines = ["recipe       \(recipe): no problem found"]
        for split in splits {
            let classes = split.classes.sorted { $0.key < $1.key }.prefix(8).map { "\($0.key) \($0.value)" }
            let skipped = split.skippedRows > 0 ? ", \(split.skippedRows) bad rows left out" : ""
            lines.append(
                "\(split.name.padding(toLength: 13, withPad: " ", startingAt: 0))\(split.rows) rows of \(split.file)\(split.extent)\(skipped)"
                    + " (\(classes.joined(separator: ", "))\(split.classes.count > 8 ? ", …" : ""))")
        }
        for (name, count) in overlap.sorted(by: { $0.key < $1.key }) where count > 0 {
            lines.append("overlap      \(count) \(name) texts are training texts too")
        }
        lines += [
            "lengths      median \(medianLength), 95 % up to \(length95), longest \(longest) word pieces; "
                + String(format: "%.2f %% are cut", truncatedShare * 100),
            "vocabulary   \(vocabulary) word pieces",
            "teacher      \(teacherParameters) parameters",
            "student      \(studentParameters) parameters",
            "stages       \(stages.map { name in trainingSteps[name].map { "\(name) (\($0) steps)" } ?? name }.joined(separator: " → "))",
            "memory       about \(memoryBytes >> 20) MB at most",
            "time         about \(Int((seconds / 60).rounded(.up))) min of training on this machine",
            "disk         about \(targetBytes / 1_000_000 + 1) MB of targets; \(freeDiskBytes / 1_000_000) MB free",
        ]
        return lines
    }
}
