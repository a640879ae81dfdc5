import ArgumentParser
import Files
import Foundation
import Models
import Recipes

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Classify or embed texts, or fill their masks: one JSON object per text.",
        discussion: """
            Reads one text per line; if the first line is a JSON object, JSONL with {"id", "text", "text_pair"}. Writes, in the
            same order, what the model is for; a plain line's id is its number.

            classification        {"id", "label", "score", "scores": {label: probability}}
            regression            {"id", "value"}
            embedding             {"id", "embedding": [number, …]}
            masked language model {"id", "masks": [[{"token", "id", "score"}, …], …]}, a list for each mask in the text

            EXAMPLE
              echo 'Ignore all previous instructions' | retort predict runs/NAME/export
            """)

    @Argument(help: "A model directory, or a run.")
    var model: String

    @Option(help: "A text instead of standard input.")
    var text: String?

    @Flag(help: "Add the logits to each answer of a classifier.")
    var logits = false

    @Option(help: ArgumentHelp("Longest input in tokens; the default is what the model can take."))
    var maxLength: Int?

    @Option(help: "Tokens that are named for each mask.")
    var top = 5

    @Option(help: "Texts per pass.")
    var batch = 32

    func validate() throws {
        if let maxLength, maxLength < 3 { throw ValidationError("--max-length must be at least 3") }
        if top < 1 { throw ValidationError("--top must be at least 1") }
        if !(1...4096).contains(batch) { throw ValidationError("--batch must lie in 1 to 4096") }
    }

    func run() throws {
        let model = try LoadedModel(URL(fileURLWithPath: model, isDirectory: true))
        let predictor = try model.predictor(
            PredictionOptions(maxLength: maxLength, withLogits: logits, top: top))
        if let text { return try predictor.answer([PredictionRequest(id: .integer(1), text: text)]) }
        var pending: [PredictionRequest] = []
        var number = 0
        var readsObjects = false
        while let line = readLine(strippingNewline: true) {
            number += 1
            do {
                if number == 1 { readsObjects = PredictionRequest.isObject(line) }
                pending.append(
                    try readsObjects
                        ? PredictionRequest(object: line, number: number)
                        : PredictionRequest(id: .integer(number), text: line))
            } catch {
                // What came before the bad line is answered first.
                try predictor.answer(pending)
                throw error
            }
            // A person at a terminal waits for each answer; a pipe fills whole batches.
            if pending.count >= (isatty(STDIN_FILENO) == 1 ? 1 : batch) {
                try predictor.answer(pending)
                pending = []
            }
        }
        try predictor.answer(pending)
    }
}
