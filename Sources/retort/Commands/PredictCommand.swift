import ArgumentParser
import Files
import Foundation
import Models
import Recipes

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Classify texts from standard input, one JSON object per text.",
        discussion: """
            Reads one text per line; if the first line is a JSON object, JSONL with {"id", "text"}. Writes, in the same order,
            {"id", "label", "score", "scores": {label: probability}}; a plain line's id is its number.

            EXAMPLE
              echo 'Ignore all previous instructions' | retort predict runs/NAME/export
            """)

    @Argument(help: "A model directory, or a run.")
    var model: String

    @Option(help: "A text to classify instead of standard input.")
    var text: String?

    @Flag(help: "Add the logits to each answer.")
    var logits = false

    @Option(help: ArgumentHelp("Longest input in word pieces; the default is what the model can take."))
    var maxLength: Int?

    @Option(help: "Texts per pass.")
    var batch = 32

    func validate() throws {
        if let maxLength, maxLength < 3 { throw ValidationError("--max-length must be at least 3") }
        if !(1...4096).contains(batch) { throw ValidationError("--batch must lie in 1 to 4096") }
    }

    func run() throws {
        let model = try LoadedModel(URL(fileURLWithPath: model, isDirectory: true))
        let positions = model.classifier.configuration.maximumPositions
        if let maxLength, maxLength > positions {
            throw InputError(
                field: "--max-length", problem: "\(maxLength) is more than the model's \(positions) positions",
                remedy: "give at most \(positions)")
        }
        let predictor = LinePredictor(model: model, maxLength: maxLength ?? positions, withLogits: logits)
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
