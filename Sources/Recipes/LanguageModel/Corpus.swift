import Distillation
import Files
import Formats
import Foundation
import Tokenizers

/// The texts of a language model's recipe. They are read once, as a stream, when their tokens are written.
struct Corpus {
    /// One of the three splits.
    struct Split {
        /// As in the recipe: `train`, `validation`, `test`.
        let name: String
        let source: Source
        /// Where its tokens are in the run.
        var tokensFile: String { "tokens/\(name).bin" }
    }

    /// What a split's rows are made of.
    enum Source {
        /// Texts, one after another, cut into windows.
        case texts(DataAddress)
        /// The rows that targets were recorded for, such as prompts with a served teacher's answers.
        case recording(URL)

        var name: String {
            switch self {
            case .texts(let address): address.text
            case .recording(let url): url.relativePath
            }
        }

        func digest() throws -> String {
            switch self {
            case .texts(let address): try address.digest()
            case .recording(let url):
                Digest.sha256(try SoftTargets.files(of: url).map { try Digest.sha256(fileAt: $0) }.joined())
            }
        }
    }

    let splits: [Split]
    let inputs: TaskInputs

    /// Looks for the files.
    ///
    /// - Throws: `InputErrors` with every one that is not there.
    init(_ recipe: Recipe) throws {
        var errors: [InputError] = []
        var splits: [Split] = []
        for (name, path) in [
            ("train", recipe.data.train), ("validation", recipe.data.validation), ("test", recipe.data.test),
        ] {
            do {
                let source: Source =
                    path.hasSuffix("." + SoftTargets.fileExtension)
                    ? .recording(Recipe.place(path)) : .texts(try DataAddress(path))
                if case .recording(let url) = source { _ = try SoftTargets(reading: url) }
                splits.append(Split(name: name, source: source))
            } catch let error as InputError {
                errors.append(
                    recipe.places.error(
                        at: "data.\(name)", problem: "\(path): \(error.problem)", remedy: error.remedy))
            }
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        self.splits = splits
        inputs = TaskInputs(
            data: Digest.sha256(try splits.map { try $0.source.digest() }.joined() + recipe.section("data")),
            teacher: try recipe.teacher.model.map { try LoadedTeacher.digest(of: Recipe.place($0)) } ?? "",
            checkpoint: "", targets: try recipe.digestOfTargets(), adapt: "", skipped: [])
    }

    subscript(name: String) -> Split {
        splits.first { $0.name == name }!
    }
}

/// What reading a split came to.
struct CorpusExtent {
    var records = 0
    var tokens = 0
    /// Why records were left out.
    var skipped: [InputError] = []
}

/// Turns texts into one long sequence of tokens.
///
/// The lines of a `.txt` file follow one another with a line end between; every other record is a text of its own and, as every
/// file, is closed by the end token, if there is one.
struct CorpusTokenizer {
    let tokenizer: any Tokenizer
    let end: Int32?

    /// Bytes of text that are encoded at a time, on all cores.
    private static let batch = 1 << 20

    /// Hands out the tokens of texts, some at a time.
    ///
    /// - Parameter progress: hears the records read so far.
    /// - Throws: `InputErrors` with every record that cannot be read, unless they are to be left out.
    func forEachPiece(
        of address: DataAddress, _ data: Recipe.DataSection, progress: (Int) throws -> Void,
        _ body: ([Int32]) throws -> Void
    ) throws -> CorpusExtent {
        var extent = CorpusExtent()
        var skipped: [InputError] = []
        var pieces: [(text: String, ends: Bool)] = []
        var bytes = 0
        var file: String?
        func flush() throws {
            let encodings = tokenizer.encodings(of: pieces.map { ($0.text, nil) }, addingSpecialTokens: false)
            for (encoding, piece) in zip(encodings, pieces) {
                let tokens = piece.ends ? encoding.ids + (end.map { [$0] } ?? []) : encoding.ids
                extent.tokens += tokens.count
                try body(tokens)
            }
            pieces.removeAll(keepingCapacity: true)
            bytes = 0
            try progress(extent.records)
        }
        try TextRecords.forEach(
            in: address, columns: [data.text], limit: data.limit,
            leavingOut: data.onBadRow == .skip ? { skipped.append($0) } : nil
        ) { record in
            if let file, file != record.file, let last = pieces.indices.last { pieces[last].ends = true }
            file = record.file
            pieces.append((record.isLine ? record.fields[0] + "\n" : record.fields[0], !record.isLine))
            bytes += record.fields[0].utf8.count
            extent.records += 1
            // The last piece stays: whether its file ends with it shows in the next one.
            if bytes >= Self.batch, let last = pieces.popLast() {
                try flush()
                pieces = [last]
            }
        }
        if let last = pieces.indices.last { pieces[last].ends = true }
        try flush()
        extent.skipped = skipped
        guard extent.tokens > 1 else {
            throw InputError(
                file: address.text, problem: "holds no text of two tokens",
                remedy: "give a file with texts, or check data.text")
        }
        return extent
    }
}
