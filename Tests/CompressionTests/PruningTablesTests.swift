import Compression
import Files
import Foundation
import Models
import Tensors
import Testing

@Suite("Tables of pruning")
struct PruningTablesTests {
    /// Runs `body` in an empty directory that is removed afterwards.
    private func inDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("pruning-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer {
            do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) }
        }
        try body(directory)
    }

    private func pruned(_ criterion: ImportanceCriterion, examples: Int = 8) throws -> StructuredPruner {
        let model = PruningModel.encoder(heads: [2, 3], feedForward: [8, 8])
        var pruner = try StructuredPruner(
            PruningOptions(criterion: criterion, keepHeads: 0.8, keepNeurons: 0.5, rounds: 1),
            configuration: model.configuration)
        _ = try pruner.prune(
            model, calibration: CalibrationSequences(PruningModel.examples(examples)), key: RandomKey(1))
        return pruner
    }

    @Test("heads.csv has a line per head, and reads back as the same numbers")
    func heads() throws {
        let records = try pruned(.sensitivity).heads
        try inDirectory { directory in
            let url = directory.appendingPathComponent("prune/heads.csv")
            try HeadRecord.write(records, to: url)
            let text = try String(contentsOf: url, encoding: .utf8)
            #expect(text.hasSuffix("\n"))
            let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            let columns = [
                "layer", "head", "score", "low", "high", "rank_stability", "removed_in_round", "told_from_zero",
            ]
            #expect(lines[0].map(String.init) == columns)
            #expect(lines.count == 6)
            for (line, record) in zip(lines.dropFirst(), records) {
                #expect(Int(line[0]) == record.layer && Int(line[1]) == record.head)
                #expect(Double(line[2]) == record.score && Double(line[3]) == record.low)
                #expect(Double(line[4]) == record.high && Double(line[5]) == record.rankStability)
                #expect(Int(line[6]) == record.removedInRound)
                #expect(line[7].isEmpty && record.isTold == nil)
            }
            #expect(lines.count { $0[6] == "1" } == 1 && lines.count { $0[6].isEmpty } == 4)
        }
    }

    @Test("Heads are marked where the score is the size of a mean that chance can take to zero")
    func marks() throws {
        let records = try pruned(.taylor).heads
        #expect(records.allSatisfy { $0.isTold == ($0.low > 0) })
        try inDirectory { directory in
            let url = directory.appendingPathComponent("heads.csv")
            try HeadRecord.write(records, to: url)
            let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
            #expect(lines.map { $0.hasSuffix(",yes") } == records.map { $0.low > 0 })
            #expect(lines.allSatisfy { $0.hasSuffix(",yes") || $0.hasSuffix(",no") })
        }
    }

    @Test("A criterion without sampling error has no stability, and intervals of width zero")
    func magnitude() throws {
        let records = try pruned(.magnitude).heads
        #expect(records.allSatisfy { $0.low == $0.score && $0.high == $0.score && $0.rankStability == nil })
        try inDirectory { directory in
            let url = directory.appendingPathComponent("heads.csv")
            try HeadRecord.write(records, to: url)
            let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
            #expect(lines.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false)[5].isEmpty })
        }
    }

    @Test("feed_forward.csv has a line per round and layer")
    func feedForward() throws {
        let records = try pruned(.sensitivity).feedForward
        try inDirectory { directory in
            let url = directory.appendingPathComponent("feed_forward.csv")
            try FeedForwardRecord.write(records, to: url)
            let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            #expect(lines[0] == ["layer", "round", "before", "after", "removed_score_share", "rank_stability"])
            #expect(lines.dropFirst().map { Array($0[0..<3]) } == [["0", "1", "8"], ["1", "1", "8"]])
            #expect(lines.dropFirst().compactMap { Int($0[3]) }.reduce(0, +) == 8)
            #expect(lines.dropFirst().compactMap { Double($0[4]) } == records.map(\.removedScoreShare))
            #expect(lines.dropFirst().compactMap { Double($0[5]) } == records.map(\.rankStability))
        }
    }

    @Test("neurons.csv has a line per neuron of the unpruned model")
    func neurons() throws {
        for criterion in [ImportanceCriterion.sensitivity, .taylor, .magnitude] {
            let pruner = try pruned(criterion, examples: 24)
            try inDirectory { directory in
                let url = directory.appendingPathComponent("neurons.csv")
                try LayerNeurons.write(pruner.neurons, to: url)
                let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
                    $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                }
                #expect(
                    lines[0] == [
                        "layer", "neuron", "score", "low", "high", "kept", "removed_in_round", "told_from_zero",
                    ])
                #expect(lines.dropFirst().map { Array($0[0..<2]) } == (0..<16).map { ["\($0 / 8)", "\($0 % 8)"] })
                #expect(lines.count { $0[5] == "no" && $0[6] == "1" } == 8)
                #expect(lines.count { $0[5] == "yes" && $0[6].isEmpty } == 8)
                #expect(lines.dropFirst().allSatisfy { $0[7].isEmpty != (criterion == .taylor) })
                #expect(lines.dropFirst().allSatisfy { ($0[3] == $0[4]) == (criterion == .magnitude) })
            }
        }
    }

    @Test("A table that cannot be written names the file")
    func unwritable() throws {
        try inDirectory { directory in
            let file = directory.appendingPathComponent("file")
            try AtomicFile.write("", to: file)
            #expect(throws: InputError.self) { try HeadRecord.write([], to: file.appendingPathComponent("heads.csv")) }
        }
    }
}
