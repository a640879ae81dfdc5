import Distillation
import Files
import Formats
import Foundation

/// The data of a recipe whose answers are no classes: three splits.
struct ValueMaterial {
    let train: ValueRows
    let validation: ValueRows
    let test: ValueRows
    let inputs: TaskInputs

    /// Reads all three splits.
    ///
    /// - Throws: `InputErrors` with the problems of all three, each with file, line and column; those of the recipe point at its
    ///   line.
    init(_ recipe: Recipe) throws {
        var errors: [InputError] = []
        var digests: [String] = []
        func read(_ key: String, _ path: String) throws -> ValueRows? {
            let address: DataAddress
            do {
                address = try DataAddress(path)
            } catch let error as InputError {
                errors.append(
                    recipe.places.error(
                        at: "data.\(key)", problem: "\(path): \(error.problem)", remedy: error.remedy))
                return nil
            }
            do {
                digests.append(try address.digest())
                return try ValueRows(
                    reading: address, recipe.data, label: recipe.task == .regression ? recipe.data.label : nil)
            } catch let several as InputErrors {
                errors += several.errors
            } catch let error as InputError {
                errors.append(error)
            }
            return nil
        }
        let rows = try [
            ("train", recipe.data.train), ("validation", recipe.data.validation), ("test", recipe.data.test),
        ].map { try read($0.0, $0.1) }
        guard errors.isEmpty, let train = rows[0], let validation = rows[1], let test = rows[2] else {
            throw InputErrors(errors)
        }
        for rows in [validation, test] {
            // A correlation needs rows that differ.
            let same = recipe.task == .regression && Set(rows.numbers).count == 1
            guard rows.count < 3 || same else { continue }
            errors.append(
                InputError(
                    file: rows.file, field: same && rows.count > 2 ? recipe.data.label : nil,
                    problem: same && rows.count > 2
                        ? "all numbers are \(rows.numbers[0])" : "\(rows.count) rows are too few to be judged by",
                    remedy: "give at least three rows that differ"))
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        (self.train, self.validation, self.test) = (train, validation, test)
        inputs = TaskInputs(
            data: Digest.sha256(digests.joined() + recipe.section("data")),
            teacher: try (recipe.teacher.model ?? recipe.tokenizer.directory).map {
                try LoadedTeacher.digest(of: Recipe.place($0))
            } ?? "",
            checkpoint: "", targets: try recipe.digestOfTargets(), adapt: "",
            skipped: [train, validation, test].map { ($0.file, $0.skipped) })
    }

    var splits: [(name: String, rows: ValueRows)] {
        [("train", train), ("validation", validation), ("test", test)]
    }
}
