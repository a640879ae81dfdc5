import Files
import Foundation

extension EncoderConfiguration {
    /// Finds out what stands behind the layers: `modules.json` says so, or `architectures`; without both it is a classifier.
    mutating func readHead(from file: inout ConfigurationReader, beside url: URL) throws {
        if let modules = try SentenceModules(beside: url, hiddenSize: hiddenSize) {
            head = .embedding
            pooling = modules.pooling
            normalizesEmbedding = modules.normalizes
            textLimit = modules.longestText.flatMap { $0 < maximumPositions ? $0 : nil }
            return
        }
        let architecture = (file.texts("architectures") ?? []).first ?? "ForSequenceClassification"
        if architecture.hasSuffix("ForMaskedLM") || architecture.hasSuffix("ForPreTraining") {
            head = .maskedLanguageModel
            if !file.flag("tie_word_embeddings", standard: true) {
                file.refuse(
                    "tie_word_embeddings", "found false: the output embedding is the word embedding here",
                    remedy: "give a checkpoint whose embeddings are tied")
            }
        } else if architecture.hasSuffix("ForSequenceClassification") {
            readLabels(from: &file)
        } else if architecture.hasSuffix("Model") {
            head = .none
        } else {
            file.refuse(
                "architectures", "found \(architecture), whose head is not computed here",
                remedy: "…ForSequenceClassification, …ForMaskedLM, …Model and sentence-transformers are read")
        }
    }

    /// The classes, or the numbers of a regression.
    private mutating func readLabels(from file: inout ConfigurationReader) {
        if let names = file.object("id2label") {
            labels = (0..<names.count).map { if case .text(let name)? = names[String($0)] { name } else { "" } }
            if labels.contains("") || labels.isEmpty {
                file.refuse("id2label", "the ids are not 0 to \(names.count - 1), each with a name")
            } else if Set(labels).count < labels.count {
                file.refuse("id2label", "two classes have the same name: \(labels)")
            }
        } else {
            let count = file.size("num_labels", standard: 2, limit: 1 << 20)
            labels = (0..<count).map { "LABEL_\($0)" }
        }
        switch file.text("problem_type") {
        case nil: head = labels.count == 1 ? .regression : .classification
        case "single_label_classification": head = .classification
        case "regression": head = .regression
        case let other?:
            file.refuse(
                "problem_type", "found \(other), which is not computed here",
                remedy: "single_label_classification and regression are")
        }
    }
}
