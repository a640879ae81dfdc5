import Files
import Foundation

/// The lines of standard input, answered in batches. A person at a terminal gets each answer at once.
/// Blank lines between objects ask for nothing.
struct TextLines {
    var batch: Int

    /// - Parameters:
    ///   - parse: what a line asks for, from its text, its number, and whether the first line was a JSON object.
    ///   - answer: writes the answers of some requests.
    /// - Throws: what `parse` throws, after what came before that line is answered.
    func read<Request>(
        _ parse: (_ line: String, _ number: Int, _ readsObjects: Bool) throws -> Request,
        answer: ([Request]) throws -> Void
    ) throws {
        let size = isatty(STDIN_FILENO) == 1 ? 1 : batch
        var pending: [Request] = []
        var number = 0
        var readsObjects = false
        while let line = readLine(strippingNewline: true) {
            number += 1
            if number == 1 { readsObjects = PredictionRequest.isObject(line) }
            if readsObjects, line.allSatisfy(\.isWhitespace) { continue }
            do {
                pending.append(try parse(line, number, readsObjects))
            } catch {
                try answer(pending)
                throw error
            }
            guard pending.count >= size else { continue }
            try answer(pending)
            pending.removeAll(keepingCapacity: true)
        }
        try answer(pending)
    }
}
