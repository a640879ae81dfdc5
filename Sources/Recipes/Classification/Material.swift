public import Distillation
import Files
import Formats
import Foundation
import Models
import Tokenizers

/// The recipe's data: three splits that fit together.
public struct Material: Sendable {
    public let train: ClassificationRows
    public let validation: ClassificationRows
    public let test: ClassificationRows
    /// The rows that the distilled student is adapted to; nil where it is not.
    public let adapt: (train: ClassificationRows, validation: ClassificationRows?)?
    /// The class names, in the order of the logits.
    public let classes: [String]
    /// Digest of the files and of how they are read.
    public let digest: String
    /// Digest of the ready teacher's files, or of the tokenizer's; empty where the run makes its own.
    public let teacherDigest: String
    /// Digest of the files that the student begins with, empty where it begins with none.
    public let checkpointDigest: String
    /// Digest of the rows that the distilled student is adapted to, empty where it is not.
    public let adaptDigest: String
    /// Digest of the soft targets that the recipe names, empty where the run records its own.
    public let targetsDigest: String

    /// Reads all three splits.
    ///
    /// - Throws: `InputErrors` with the problems of all three, each with file, line and column; those of the recipe
    ///   point at its line.
    public init(_ recipe: Recipe) throws {
        var errors: [InputError] = []
        var digests: [String] = []
        func read(_ key: String, _ path: String, classes: [String]?) throws -> ClassificationRows? {
            let address: DataAddress
            do {
                address = try DataAddress(path)
            } catch let error as InputError {
                errors.append(
                    recipe.places.error(
                        at: key, problem: "\(path): \(error.problem)", remedy: error.remedy))
                return nil
            }
            do {
                digests.append(try address.digest())
                return try ClassificationRows(
                    reading: address, text: recipe.data.text, label: recipe.data.label, classes: classes,
                    skipBadRows: recipe.data.onBadRow == .skip, limit: recipe.data.limit)
            } catch let several as InputErrors {
                errors += several.errors
            } catch let error as InputError {
                errors.append(error)
            }
            return nil
        }
        let train = try read("data.train", recipe.data.train, classes: nil)
        let names = try Self.classes(of: train, recipe: recipe, errors: &errors)
        let validation = try read("data.validation", recipe.data.validation, classes: names)
        let test = try read("data.test", recipe.data.test, classes: names)
        digest = Digest.sha256(digests.joined() + recipe.section("data"))
        digests = []
        let adaptTrain = try recipe.adapt.flatMap { try read("adapt.train", $0.train, classes: names) }
        let adaptValidation = try recipe.adapt?.validation.flatMap {
            try read("adapt.validation", $0, classes: names)
        }
        adaptDigest = digests.isEmpty ? "" : Digest.sha256(digests.joined() + recipe.section("data"))
        guard errors.isEmpty, let train, let validation, let test, let names else { throw InputErrors(errors) }
        self.train = train
        self.validation = validation
        self.test = test
        adapt = adaptTrain.map { ($0, adaptValidation) }
        classes = names
        teacherDigest =
            try (recipe.teacher.model ?? recipe.tokenizer.directory).map {
                try LoadedTeacher.digest(of: Recipe.place($0))
            } ?? ""
        checkpointDigest = try recipe.student.checkpoint.map { try LoadedTeacher.digest(of: Recipe.place($0)) } ?? ""
        targetsDigest = try recipe.digestOfTargets()
    }

    /// The training rows' classes; with a ready teacher, its classes in its order.
    private static func classes(
        of train: ClassificationRows?, recipe: Recipe, errors: inout [InputError]
    ) throws -> [String]? {
        guard let train else { return nil }
        let names = train.classes
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            errors.append(recipe.places.error(at: key, problem: problem, remedy: remedy))
        }
        if names.count < 2 {
            refuse(
                "data.label", "the training rows have one label only, \(names[0])",
                "classification needs at least two; is data.label the right column?")
            return nil
        }
        guard let model = recipe.teacher.model else { return names }
        let configuration: EncoderConfiguration
        do {
            let directory = Recipe.place(model)
            configuration = try EncoderConfiguration(
                reading: directory.appendingPathComponent(ModelDirectory.configurationFile))
        } catch let several as InputErrors {
            errors += several.errors
            return nil
        } catch let error as InputError {
            errors.append(error)
            return nil
        }
        guard configuration.head == .classification else {
            if recipe.teacher.fineTune != nil { return names }
            refuse(
                "teacher.model",
                configuration.head == .none
                    ? "the checkpoint has no head" : "the model's head is for \(configuration.head.rawValue)",
                "give a fine-tuned classifier, or add teacher.fine_tune, which trains a fresh one")
            return nil
        }
        let labels = configuration.labels
        // A teacher whose classes were never named goes by their order.
        if labels == labels.indices.map({ "LABEL_\($0)" }), labels.count == names.count { return names }
        guard Set(labels) == Set(names) else {
            refuse(
                "teacher.model", "the teacher's classes are \(labels), those of the training rows \(names)",
                "use a teacher of these classes, or rename the labels")
            return nil
        }
        return labels
    }

    /// What is read beside the three splits.
    var adaptRows: [ClassificationRows] {
        adapt.map { [$0.train] + [$0.validation].compactMap { $0 } } ?? []
    }

    /// Labels of a split as class numbers.
    public func classIndices(_ rows: ClassificationRows) -> [Int] {
        let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($0.element, $0.offset) })
        return rows.labels.map { index[$0]! }
    }
}
