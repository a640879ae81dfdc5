import Distillation
import Files
import Models
import Tensors
import Tokenizers

extension Recipe {
    /// The model that `student.checkpoint` names, with a fresh classifier where it has none.
    ///
    /// - Parameters:
    ///   - tokenizer: the run's; the checkpoint's must give the same ids.
    ///   - texts: some, to compare the two by.
    /// - Throws: `InputError` or `InputErrors` saying what does not fit.
    func readStudentCheckpoint(
        tokenizer: any Tokenizers.Tokenizer, classes: [String], texts: [String], key: RandomKey
    ) throws -> Encoder {
        let directory = Recipe.place(student.checkpoint!)
        let own = try TokenizerFiles.load(from: directory)
        if let difference = tokenizer.difference(from: own, sample: Array(texts.prefix(500))),
            difference.differingIDs > 0 || difference.differingTexts > 0
        {
            throw places.error(
                at: "student.checkpoint", problem: "its tokenizer is not the run's: \(difference)",
                remedy: "begin with a checkpoint of the teacher's tokenizer, or set student.initialize=random")
        }
        let encoder = try ModelDirectory.readEncoder(directory, allowingMissingHead: classes, key: key)
        let labels = encoder.configuration.labels
        guard labels == classes || labels == labels.indices.map({ "LABEL_\($0)" }) else {
            throw places.error(
                at: "student.checkpoint", problem: "its classes are \(labels), those of the rows \(classes)",
                remedy: "give a checkpoint of these classes in this order, or one without a classifier")
        }
        encoder.rename(classes: classes)
        return encoder
    }
}
