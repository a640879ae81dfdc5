import ArgumentParser
import Distillation
import Files
import Foundation
import Models
import Recipes

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Classify, embed or continue texts, or fill their masks: one JSON object per text.",
        discussion: """
            Reads one text per line; if the first line is a JSON object, JSONL with {"id", "text", "text_pair"}. \
            Writes, in the same order, what the model is for; a plain line's id is its number.

            classification        {"id", "label", "score", "scores": {label: probability}}
            regression            {"id", "value"}
            embedding             {"id", "embedding": [number, …]}
            masked language model {"id", "masks": [[{"token", "id", "score"}, …], …]}
            decoder               {"id", "text", "tokens", "finish": "end" or "length"}

            EXAMPLE
              echo 'Ignore all previous instructions' | retort predict runs/NAME/export
              retort predict SmolLM2-135M.gguf --text 'Once upon a time' --max-tokens 64 --stream
            """)

    @Argument(
        help: "A model directory, an ONNX file that retort exported, a GGUF file or the directory of one, or a run.")
    var model: String

    @Option(help: "A text instead of standard input.")
    var text: String?

    @Flag(help: "Add the logits to each answer of a classifier.")
    var logits = false

    @Option(help: ArgumentHelp("Longest input of an encoder in tokens; the default is what the model can take."))
    var maxLength: Int?

    @Option(help: "Tokens that are named for each mask.")
    var top = 5

    @Option(help: "Texts per pass; 1 answers each line of a pipe at once.")
    var batch = 32

    @Option(help: "The most tokens that continue a text.")
    var maxTokens = 128

    @Option(help: "0 takes the likeliest token every time; 1 draws tokens as the decoder expects them.")
    var temperature = 0.0

    @Option(help: "Draw from this many of the likeliest tokens; 0 from all.")
    var topK = 0

    @Option(help: "Draw from the fewest tokens that together are this likely.")
    var topP = 1.0

    @Option(help: "For the random numbers of drawing.")
    var seed: UInt64 = 0

    @Flag(help: "Write a continuation as it comes, without JSON.")
    var stream = false

    func validate() throws {
        if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
        if !(temperature >= 0 && temperature.isFinite) { throw ValidationError("--temperature must be 0 or more") }
        if topK < 0 { throw ValidationError("--top-k must be 0 or more") }
        if !(topP > 0 && topP <= 1) { throw ValidationError("--top-p must lie above 0, at most 1") }
        if let maxLength, maxLength < 3 { throw ValidationError("--max-length must be at least 3") }
        if top < 1 { throw ValidationError("--top must be at least 1") }
        if !(1...4096).contains(batch) { throw ValidationError("--batch must lie in 1 to 4096") }
    }

    func run() throws {
        let folder = LoadedModel.modelFolder(of: URL(fileURLWithPath: model))
        let predictor = try predictor(DecoderDirectory.place(of: folder))
        if let text { return try predictor.answer([PredictionRequest(id: .integer(1), text: text)]) }
        try TextLines(batch: batch).read(PredictionRequest.init, answer: predictor.answer)
    }

    /// What answers for the model, decoder or encoder.
    private func predictor(_ url: URL) throws -> any Predictor {
        guard DecoderDirectory.isDecoder(url) else {
            if stream { throw unfit("--stream", "the model does not continue texts") }
            return try LoadedModel(url, isOnlyRun: true).predictor(
                PredictionOptions(maxLength: maxLength, withLogits: logits, top: top))
        }
        if logits { throw unfit("--logits", "the model continues texts, it gives no logits of classes") }
        if maxLength != nil {
            throw unfit("--max-length", "a decoder takes a text whole", remedy: "--max-tokens limits its continuation")
        }
        return TextGenerator(
            model: try LoadedDecoder(url),
            sampling: Sampling(temperature: temperature, topK: topK, topP: topP, seed: seed), limit: maxTokens,
            streams: stream)
    }

    /// An option that would have no effect with this model.
    private func unfit(_ option: String, _ problem: String, remedy: String = "leave it out") -> InputError {
        InputError(file: model, field: option, problem: problem, remedy: remedy)
    }
}
