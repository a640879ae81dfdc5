import Compression
import Distillation
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

@Suite("retort prune with a model directory")
final class PruneModelTests {
    private let command: Command

    init() throws {
        command = try Command()
        try command.write(Self.rows, to: "rows.csv")
        try write()
    }

    deinit { try? command.remove() }

    private static let words = ["red", "green", "blue", "good", "bad", "fine", "awful", "never", "seen"]
    private static let rows =
        "text,label\n"
        + (0..<60).map { row in
            let key = RandomKey(1).mixed(row)
            let text = (0..<3 + row % 5).map { words[Int(key.bits($0) % 7)] }.joined(separator: " ")
            return "\(text),\(row % 2 == 0 ? "yes" : "no")"
        }.joined(separator: "\n") + "\n"

    private func write() throws {
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        let tokenizer = try WordPieceTokenizer(
            vocabulary: SpecialTokens.names + Self.words + letters + letters.map { "##" + $0 })
        let encoder = Models.Encoder(
            EncoderConfiguration(
                vocabularySize: tokenizer.vocabularySize, hiddenSize: 32, layers: 3, heads: 4, feedForward: 64,
                maximumPositions: 32, dropout: 0.1, pooling: .first, labels: ["no", "yes"]), key: RandomKey(1))
        for parameter in encoder.parameters where parameter.value.shape.count == 2 {
            parameter.value = parameter.value.scaled(by: 8)
        }
        try ModelDirectory.write(encoder, tokenizer, to: command.folder.appendingPathComponent("model"))
    }

    private func run(_ arguments: String...) throws -> Command.Result {
        let all = ["prune", "model", "--data", "rows.csv", "--queries", "5", "--calibration", "40"] + arguments
        return try command.start(all).finish()
    }

    private func object(_ arguments: String...) throws -> [String: Any] {
        let all =
            ["prune", "model", "--data", "rows.csv", "--queries", "5", "--calibration", "40", "--json"] + arguments
        let result = try command.start(all).finish()
        #expect(result.status == 0, "\(result.errors)")
        return try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result.output)")
    }

    private func read(_ name: String) throws -> Models.Encoder {
        try ModelDirectory.readEncoder(command.folder.appendingPathComponent(name))
    }

    @Test("a dry run shows scores, marks and costs, and changes nothing")
    func dryRun() throws {
        let before = try command.contents
        let result = try run("--label", "label", "--keep", "0.5", "--keep-neurons", "0.5", "--dry-run")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("SENSITIVITY") && result.output.contains("FLOPS"))
        #expect(result.output.split(separator: "\n").count { $0.contains("goes") } == 6)
        #expect(try command.contents == before)
        let table = try object("--keep", "0.5", "--dry-run", "--criterion", "magnitude")
        let heads = try #require(table["heads"] as? [[String: Any]])
        #expect(heads.count == 12 && heads.count { $0["stays"] as? Bool == false } == 6)
        let (now, then) = (table["before"] as? [String: Any], table["after"] as? [String: Any])
        let whole = try read("model").configuration
        #expect(now?["parameters"] as? Int == whole.parameterCount)
        // A head is 4 × 8 × 32 weights and three biases of 8.
        #expect(then?["parameters"] as? Int == whole.parameterCount - 6 * (4 * 8 * 32 + 24))
        #expect(now?["operations"] as? Int == whole.operations(length: try #require(table["length"] as? Int)))
        #expect(try command.contents == before)
    }

    @Test("the pruned model is written, smaller, with its table, and answers")
    func written() throws {
        let result = try run(
            "--label", "label", "--keep", "0.5", "--keep-neurons", "0.25", "--keep-layers", "2", "--min-heads", "0",
            "--criterion", "fisher", "--output", "smaller")
        #expect(result.status == 0, "\(result.errors)")
        let configuration = try read("smaller").configuration
        #expect(configuration.layers == 2 && configuration.heads.reduce(0, +) == 4)
        #expect(configuration.feedForward.reduce(0, +) == 32)
        let table = try String(
            contentsOf: command.folder.appendingPathComponent("smaller/prune/heads.csv"), encoding: .utf8)
        #expect(table.split(separator: "\n").count == 9)
        let neurons = try String(
            contentsOf: command.folder.appendingPathComponent("smaller/prune/neurons.csv"), encoding: .utf8)
        #expect(neurons.split(separator: "\n").count == 1 + 2 * 64 && neurons.split(separator: ",yes,").count == 33)
        let answer = try command.run("predict", "smaller", input: "red green\n")
        #expect(answer.status == 0 && answer.output.contains("\"label\""), "\(answer.errors)")
        let again = try run("--keep", "0.5", "--output", "smaller")
        #expect(again.status == 2 && again.errors.contains("is there already"))
    }

    @Test("a budget in weights is met by the largest model that meets it; one that cannot be met is an error")
    func parameters() throws {
        let whole = try read("model").parameterCount
        let wanted = whole - 9000
        let table = try object("--parameters", "\(wanted)", "--dry-run")
        let found = try #require((table["after"] as? [String: Any])?["parameters"] as? Int)
        #expect(found <= wanted && found > wanted - 3000)
        let result = try run("--parameters", "1000", "--dry-run")
        #expect(result.status == 2)
        #expect(result.errors.contains("1000 parameters cannot be met: the smallest model that may be made here has"))
    }

    @Test("a budget in milliseconds is measured; one that cannot be met says what was")
    func milliseconds() throws {
        let table = try object("--milliseconds", "1000", "--dry-run")
        #expect((table["after"] as? [String: Any])?["parameters"] as? Int == (try read("model").parameterCount))
        let result = try run("--milliseconds", "0.000001", "--dry-run")
        #expect(result.status == 2 && result.errors.contains("ms, measured here"))
    }

    @Test("tokens that the data never use go, with their rows, and the others keep their meaning")
    func vocabulary() throws {
        let result = try run("--vocabulary", "--output", "fewer")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("of 66 tokens stay"))
        let fewer = try TokenizerFiles.load(from: command.folder.appendingPathComponent("fewer"))
        #expect(fewer.id(of: "never") == nil && fewer.id(of: "red") != nil)
        let (a, b) = (
            try command.run("predict", "model", "--logits", input: "red awful blue\n"),
            try command.run("predict", "fewer", "--logits", input: "red awful blue\n")
        )
        #expect(a.status == 0 && a.output == b.output, "\(a.errors)\(b.errors)")
    }

    @Test("criteria are compared with masking heads one at a time")
    func compare() throws {
        let table = try object("--label", "label", "--compare")
        let criteria = try #require(table["criteria"] as? [[String: Any]])
        #expect(
            criteria.compactMap { $0["criterion"] as? String }.sorted()
                == ImportanceCriterion.allCases.map(\.rawValue).sorted())
        let own = try #require(criteria.first { $0["criterion"] as? String == "ablation" })
        #expect(own["ablation_correlation"] as? Double == 1)
    }

    @Test("the search prints models whose time falls as their divergence rises, and writes the one that is fast enough")
    func search() throws {
        let table = try object("--search")
        let front = try #require(table["front"] as? [[String: Any]])
        #expect(front.count > 2)
        let times = front.compactMap { $0["predicted_milliseconds"] as? Double }
        #expect(times == times.sorted())
        #expect(front.last?["divergence"] as? Double ?? 1 < 1e-6)
        let written = try run("--search", "--milliseconds", "1000", "--output", "found")
        #expect(written.status == 0, "\(written.errors)")
        #expect(try read("found").parameterCount <= (try read("model").parameterCount))
        let distilled = try object("--search", "--milliseconds", "1000", "--distill-steps", "20", "--dry-run")
        let rows = try #require(distilled["front"] as? [[String: Any]])
        let recovered = rows.filter { $0["distilled_divergence"] is Double }
        // The best three of those that differ from the whole model, or as many as there are.
        let different = rows.filter { $0["divergence"] as? Double ?? 0 > 1e-6 }
        #expect(recovered.count == min(3, different.count) && !recovered.isEmpty)
        let all = try run("--search", "--milliseconds", "1000", "--calibration", "60")
        #expect(all.status == 2 && all.errors.contains("--distill-steps 0"), "\(all.errors)")
        let impossible = try run("--search", "--milliseconds", "0.000001")
        #expect(impossible.status == 2 && impossible.errors.contains("cannot be met"))
    }

    @Test("single weights at zero are told as size, and the model keeps its shape")
    func sparse() throws {
        let result = try run("--sparse", "2:4", "--sparse-score", "wanda", "--output", "sparse")
        #expect(result.status == 0 && result.output.contains("(50.0 %)"), "\(result.errors)")
        #expect(result.output.contains("no faster here"))
        #expect(try read("sparse").configuration == (try read("model").configuration))
    }

    @Test("what is missing or contradicts itself is said before anything is measured")
    func refusals() throws {
        for (arguments, status, words) in [
            (["prune", "model"], 2, "give them with --data"),
            (["prune", "model", "--keep", "0.5"], 64, "needs --data"),
            (["prune", "model", "--data", "rows.csv", "--keep", "2", "--dry-run"], 64, "above 0 and up to 1"),
            (["prune", "model", "--data", "rows.csv", "--keep", "0.5"], 64, "--output"),
            (
                ["prune", "model", "--data", "rows.csv", "--keep", "0.5", "--parameters", "9", "--dry-run"], 64,
                "one of"
            ),
            (["prune", "model", "--data", "rows.csv", "--criterion", "luck", "--dry-run"], 64, "no criterion luck"),
            (
                ["prune", "model", "--data", "rows.csv", "--criterion", "taylor", "--keep", "0.5", "--dry-run"], 2,
                "taylor needs labels"
            ),
            (["prune", "model", "--data", "rows.csv", "--label", "text", "--keep", "0.5", "--dry-run"], 2, "no class"),
            (
                ["prune", "model", "--data", "rows.csv", "--keep", "0.1", "--dry-run"], 2,
                "--keep: keep 0.1 leaves 1 of 12, but at least 1 in each of 3 layers needs 3"
            ),
            (
                ["prune", "model", "--data", "rows.csv", "--keep-neurons", "0.1", "--min-neurons", "9", "--dry-run"], 2,
                "or lower --min-neurons"
            ),
            (["prune", "nowhere", "--data", "rows.csv", "--keep", "0.5", "--dry-run"], 2, "there is no such model"),
            (
                ["prune", "model", "--data", "rows.csv", "--keep", "0.5", "--output", "rows.csv/x"], 2,
                "rows.csv is not a directory that may be written to"
            ),
            (["prune", "model", "--data", "rows.csv", "--keep", "0.5", "--output", "model"], 2, "is there already"),
            (["prune", "model", "--data", "rows.csv", "--compare", "--output", "x"], 64, "--compare only shows"),
            (["prune", "model", "--data", "rows.csv", "--search", "--vocabulary"], 64, "--search keeps all tokens"),
            (
                ["prune", "model", "--data", "rows.csv", "--keep", "0.5", "--queries", "2000000", "--dry-run"], 64,
                "1 to 1000000"
            ),
        ] as [([String], Int32, String)] {
            let result = try command.start(arguments).finish()
            #expect(result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
        }
    }
}

@Suite("retort prune with a language model")
struct PruneDecoderTests {
    @Test("groups and neurons go, and what is written continues texts")
    func decoder() throws {
        try LetterModel.with { command in
            let letters = Array("abcdefghijklmnopqrstuv")
            let rows = (0..<20).map { row -> String in
                let places = (0..<4 + row % 6).map { place -> Int in (row * 7 + place * 5) % letters.count }
                return String(places.map { letters[$0] })
            }
            try command.write("text\n" + rows.joined(separator: "\n") + "\n", to: "rows.csv")
            let result = try command.run(
                "prune", "model", "--data", "rows.csv", "--criterion", "fisher", "--keep", "0.5", "--keep-neurons",
                "0.5", "--queries", "3", "--output", "smaller")
            #expect(result.status == 0, "\(result.errors)")
            let (before, after) = (
                try DecoderDirectory.readConfiguration(command.folder.appendingPathComponent("model")),
                try DecoderDirectory.readConfiguration(command.folder.appendingPathComponent("smaller"))
            )
            #expect(after.feedForward.reduce(0, +) * 2 == before.feedForward.reduce(0, +))
            #expect(after.keyHeads.reduce(0, +) < before.keyHeads.reduce(0, +))
            let answer = try command.run("predict", "smaller", "--max-tokens", "3", input: "abc\n")
            #expect(answer.status == 0, "\(answer.errors)")
            let blocks = try command.run(
                "prune", "model", "--data", "rows.csv", "--keep", "0.3", "--keep-neurons", "0.1", "--min-heads", "0",
                "--min-neurons", "0", "--criterion", "magnitude", "--queries", "3", "--output", "blocks")
            #expect(blocks.status == 0, "\(blocks.errors)")
            let left = try DecoderDirectory.readConfiguration(command.folder.appendingPathComponent("blocks"))
            #expect(left.keyHeads.contains(0) && left.heads.contains(0))
            let continued = try command.run("predict", "blocks", "--max-tokens", "3", input: "abc\n")
            #expect(continued.status == 0, "\(continued.errors)")
            let layers = try command.run(
                "prune", "model", "--data", "rows.csv", "--keep-layers", "1", "--queries", "3", "--output", "layers")
            #expect(layers.status == 0 && layers.output.contains("goes"), "\(layers.errors)")
            let one = try DecoderDirectory.readConfiguration(command.folder.appendingPathComponent("layers"))
            #expect(one.layers == 1)
            for option in [
                ["--search"], ["--vocabulary", "--dry-run"], ["--label", "text", "--keep", "0.5", "--dry-run"],
            ] {
                let refused = try command.start(["prune", "model", "--data", "rows.csv"] + option).finish()
                #expect(refused.status == 2 && refused.errors.contains("language model"), "\(refused.errors)")
            }
        }
    }
}
