import ArgumentParser
import Distillation
import Foundation
import Tokenizers

/// What `Benchmarks/tokenization.py` asks: how long encoding takes, without reading and writing.
struct TokenizerSpeedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "speed", abstract: "Time the encoding of the lines of standard input.",
        discussion: """
            Prints one JSON object: the bytes of the texts, the ids that they got, and the seconds of each repetition. \
            RETORT_THREADS sets the number of threads.

            EXAMPLE
              RETORT_THREADS=1 retort tokenizer speed MODEL < texts.txt
            """, shouldDisplay: false)

    @Argument(help: "A model directory, a tokenizer.json or a GGUF file.")
    var model: String

    @Option(help: "How often all of the lines are encoded.")
    var repetitions = 5

    func run() throws {
        let tokenizer = try DecoderDirectory.readTokenizer(URL(fileURLWithPath: model))
        var texts: [String] = []
        while let line = readLine() { texts.append(line) }
        var ids = 0
        let clock = ContinuousClock()
        let seconds = (0..<max(repetitions, 1)).map { _ in
            let time = clock.measure {
                ids = tokenizer.encode(texts, maxLength: .max).reduce(0) { $0 + $1.count }
            }
            return time / .seconds(1)
        }
        let bytes = texts.reduce(0) { $0 + $1.utf8.count }
        let list = seconds.map { String($0) }.joined(separator: ", ")
        print(#"{"bytes": \#(bytes), "ids": \#(ids), "seconds": [\#(list)]}"#)
    }
}
