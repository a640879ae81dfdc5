import Compression
import Distillation
import Evaluation
import Files
import Foundation
import Models
import Tokenizers

extension Recipe {
    /// The vocabulary without what the training rows never use; nil where the recipe keeps all of it.
    ///
    /// - Parameter texts: of the training rows, also of those that the student is adapted to.
    /// - Throws: `InputError` at `prune.vocabulary` for a tokenizer of another kind than WordPiece.
    func prunedVocabulary(_ tokenizer: any Tokenizers.Tokenizer, for texts: [String]) throws -> VocabularyPruning? {
        guard prune?.vocabulary == true else { return nil }
        return try VocabularyPruning(of: tokenizer, for: texts) { problem in
            places.error(
                at: "prune.vocabulary", problem: problem,
                remedy: "set prune.vocabulary=false, or use a teacher of BERT's or DistilBERT's kind")
        }
    }
}

extension Material {
    /// The texts whose tokens a model of the run was trained on.
    var trainedTexts: [String] { train.texts + (adapt?.train.texts ?? []) }
}

extension ClassificationStages {
    /// The tokenizer of a model of the run: the run's, or after its vocabulary was pruned a smaller one.
    func tokenizer(of folder: String) throws -> any Tokenizers.Tokenizer {
        try TokenizerFiles.load(from: run.file(folder))
    }

    /// The model that pruning hands over, with its tokenizer and a few words on what became of the vocabulary.
    func withoutUnusedTokens(
        _ model: Models.Encoder
    ) throws -> (model: Models.Encoder, tokenizer: any Tokenizers.Tokenizer, summary: String) {
        let whole = try context.tokenizer()
        guard let pruned = try recipe.prunedVocabulary(whole, for: material.trainedTexts) else {
            return (model, whole, "")
        }
        return (
            try model.keeping(tokens: pruned.kept), pruned.tokenizer,
            "\(grouped(pruned.kept.count)) of \(grouped(whole.vocabularySize)) tokens, "
        )
    }

    /// What the student learns from, for rows in the words of such a tokenizer.
    func teacherTargets(for tokenizer: any Tokenizers.Tokenizer) throws -> any TeacherTargets {
        let targets = try teacherTargets()
        guard recipe.prune?.vocabulary == true else { return targets }
        return RenamedTargets(targets, tokens: try wholeIDs(of: tokenizer))
    }

    /// The id in the run's vocabulary of each id of a smaller one.
    private func wholeIDs(of tokenizer: any Tokenizers.Tokenizer) throws -> [Int32] {
        let whole = try context.tokenizer()
        return try (0..<Int32(tokenizer.vocabularySize)).map { id in
            guard let known = whole.id(of: tokenizer.token(id)) else {
                throw InputError(
                    file: run.file(ModelFolder.pruned).path,
                    problem: "its token \(tokenizer.token(id)) is not of the run's vocabulary",
                    remedy: "delete the directory to prune again")
            }
            return known
        }
    }

    /// What the report says of a vocabulary that was pruned.
    func vocabularyFacts(stages: [Pipeline.Stage]) throws -> [RunRecord.Fact] {
        guard stages.contains(.prune), recipe.prune?.vocabulary == true else { return [] }
        let (whole, pruned) = (try context.tokenizer(), try tokenizer(of: ModelFolder.pruned))
        let (ids, length) = (try wholeIDs(of: pruned), recipe.data.maxLength)
        let texts = material.test.texts
        let others = zip(whole.encode(texts, maxLength: length), pruned.encode(texts, maxLength: length)).count {
            $0 != $1.map { ids[Int($0)] }
        }
        let gone = whole.vocabularySize - pruned.vocabularySize
        return [
            .init(
                "Vocabulary",
                "\(grouped(gone)) of \(grouped(whole.vocabularySize)) tokens, which no training row uses, are gone; "
                    + "\(grouped(others)) of \(grouped(texts.count)) test rows are spelled by other tokens than before")
        ]
    }
}
