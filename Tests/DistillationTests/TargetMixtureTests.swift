import Distillation
import Files
import Formats
import Foundation
import Tensors
import Testing

@Suite("Mixtures of targets")
struct TargetMixtureTests {
    private let rows: [[Int32]] = [[1, 2], [3]]

    /// Writes a recording as another program would.
    private func write(
        _ url: URL, _ probabilities: [[Double]], ids: [[Int32]]? = nil, outcomes: Int? = nil, scope: String = "row",
        rows: [[Int32]]? = nil, digest: String? = nil, inHalves: Bool = false
    ) throws {
        let rows = rows ?? self.rows
        try HDF5File.create(at: url) { file in
            try file.setAttribute("format", to: .string("retort soft targets"))
            try file.setAttribute("schema", to: .integer(2))
            try file.setAttribute("predictions", to: .string(scope))
            if let outcomes { try file.setAttribute("outcomes", to: .integer(Int64(outcomes))) }
            if let digest { try file.setAttribute("tokenizer_sha256", to: .string(digest)) }
            try file.write(
                rows.reduce(into: [Int64(0)]) { $0.append($0.last! + Int64($1.count)) }, shape: [rows.count + 1],
                to: "rows/offset")
            try file.write(rows.flatMap { $0 }, shape: [rows.joined().count], to: "tokens")
            let shape = [probabilities.count, probabilities[0].count]
            let values = probabilities.flatMap { $0.map { Float(log($0)) } }
            if inHalves {
                try file.setAttribute("tail", to: .string("uniform"))
                try file.write(HalfPrecision.encode(values), shape: shape, to: "log_probabilities")
            } else {
                try file.write(values, shape: shape, to: "log_probabilities")
            }
            if let ids { try file.write(ids.flatMap { $0 }, shape: shape, to: "ids") }
        }
    }

    private func mix(
        _ directory: URL, weights: [Double] = [0.75, 0.25], rule: TargetMixture.Rule = .mean
    ) throws -> (targets: SoftTargets, summary: TargetMixture.Summary) {
        let sources = try ["a", "b"].map { try SoftTargets(reading: directory.appendingPathComponent("\($0).h5")) }
        let url = directory.appendingPathComponent("mixed.h5")
        let mixture = try TargetMixture(sources, weights: weights, rule: rule)
        let summary = try mixture.write(to: url, digests: mixture.digests, notes: [:]) { _, _ in }
        let targets = try SoftTargets(reading: url)
        try targets.validate()
        return (targets, summary)
    }

    private func isClose(_ found: [Float], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }
    }

    @Test("of complete distributions are weighted means of probabilities, whatever the order of the rows")
    func complete() throws {
        try withDirectory { directory in
            try write(directory.appendingPathComponent("a.h5"), [[0.5, 0.5, 0], [0.2, 0.2, 0.6]])
            try write(
                directory.appendingPathComponent("b.h5"), [[0.6, 0.2, 0.2], [0.1, 0.9, 0]], rows: [[3], [1, 2]])
            // Weights count by their ratio.
            for weights in [[0.75, 0.25], [3, 1]] {
                let mixed = try mix(directory, weights: weights)
                #expect(mixed.summary.rowsOfSource == [2, 2])
                let found = try mixed.targets.logProbabilities(for: rows).values.map { exp($0) }
                #expect(isClose(found, [0.4, 0.6, 0, 0.3, 0.2, 0.5]))
            }
        }
    }

    @Test("a tail that rounding may have made is none, however large the vocabulary", arguments: [2.0, 4])
    func noTail(_ temperature: Double) throws {
        try withDirectory { directory in
            for name in ["a.h5", "b.h5"] {
                try write(
                    directory.appendingPathComponent(name), [[0.5, 0.5], [0.7, 0.2]], ids: [[1, 4], [7, 8]],
                    outcomes: 50_000)
            }
            let found = try mix(directory).targets.likeliest(for: rows, scope: .row, temperature: temperature)
            #expect(abs(found.logNormalizers[0] - log(2 * pow(0.5, 1 / temperature))) < 1e-6)
            // A tenth is a tail.
            #expect(found.logNormalizers[1] > log(pow(49_998, 1 - 1 / temperature) * pow(0.1, 1 / temperature)))
            let halves = directory.appendingPathComponent("halves.h5")
            try write(
                halves, [[0.5, 0.5], [0.7, 0.2]], ids: [[1, 4], [7, 8]], outcomes: 50_000, inHalves: true)
            let rounded = try SoftTargets(reading: halves).likeliest(for: rows, scope: .row, temperature: temperature)
            #expect(abs(rounded.logNormalizers[0] - log(2 * pow(0.5, 1 / temperature))) < 1e-3)
            #expect(abs(rounded.logNormalizers[1] - found.logNormalizers[1]) < 1e-2)
        }
    }

    @Test(
        "of kept outcomes share tails evenly, keep the likeliest, and leave a uniform tail at any temperature",
        arguments: [1.0, 2, 4])
    func kept(_ temperature: Double) throws {
        try withDirectory { directory in
            // V = 10, k = 2. a leaves 0.2 to 8 outcomes: 0.025 each; b leaves 0.4 to 8: 0.05 each.
            try write(
                directory.appendingPathComponent("a.h5"), [[0.5, 0.3], [0.5, 0.3]], ids: [[1, 4], [7, 8]], outcomes: 10)
            try write(
                directory.appendingPathComponent("b.h5"), [[0.5, 0.1], [0.5, 0.1]], ids: [[2, 4], [8, 7]], outcomes: 10)
            let (targets, _) = try mix(directory)
            #expect(targets.description.hasUniformTail && targets.description.temperatures.isEmpty)
            let found = try targets.likeliest(for: rows, scope: .row, temperature: temperature)
            // Row 1: 1: 0.75·0.5 + 0.25·0.05 = 0.3875; 4: 0.75·0.3 + 0.25·0.1 = 0.25; 2: 0.75·0.025 + 0.25·0.5 = 0.14375.
            // Row 2: 7: 0.75·0.5 + 0.25·0.1 = 0.4; 8: 0.75·0.3 + 0.25·0.5 = 0.35.
            #expect(found.ids == [1, 4, 7, 8])
            #expect(isClose(found.logProbabilities.map { exp($0) }, [0.3875, 0.25, 0.4, 0.35]))
            // c_T = log(Σ_K p^(1/T) + 8^(1 − 1/T) · r^(1/T)), with r = 0.3625 and 0.25.
            let expected: [Double: [Double]] = [
                1: [0, 0],
                2: [
                    log(0.622_494_98 + 0.5 + 2.828_427_12 * 0.602_079_73),
                    log(0.632_455_53 + 0.591_607_98 + 2.828_427_12 * 0.5),
                ],
                4: [
                    log(0.788_983_51 + 0.707_106_78 + 4.756_828_46 * 0.775_937_97),
                    log(0.795_270_73 + 0.769_160_57 + 4.756_828_46 * 0.707_106_78),
                ],
            ]
            #expect(zip(found.logNormalizers, expected[temperature]!).allSatisfy { abs(Double($0) - $1) < 1e-5 })
        }
    }

    @Test("per position follow each row's positions; k is the largest of the recordings'")
    func positions() throws {
        try withDirectory { directory in
            try write(
                directory.appendingPathComponent("a.h5"), [[0.9], [0.8], [0.7]], ids: [[0], [1], [2]], outcomes: 4,
                scope: "position")
            try write(
                directory.appendingPathComponent("b.h5"), [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]],
                ids: [[3, 0], [3, 1], [3, 2]], outcomes: 4, scope: "position")
            let found = try mix(directory, weights: [1, 1]).targets.likeliest(
                for: [[3], [1, 2]], scope: .position, temperature: 1)
            #expect(found.ids == [2, 3, 0, 3, 1, 3])
            let third = 0.1 / 3
            #expect(
                isClose(
                    found.logProbabilities.map { exp($0) },
                    [0.6, 0.25 + 0.05, 0.7, 0.25 + third / 2, 0.65, 0.25 + third]))
        }
    }

    @Test("leave a teacher out where it says nothing; where none says anything, neither does the mixture")
    func silence() throws {
        try withDirectory { directory in
            try write(
                directory.appendingPathComponent("a.h5"), [[0.9], [0], [0]], ids: [[0], [9], [9]], outcomes: 10,
                scope: "position")
            try write(
                directory.appendingPathComponent("b.h5"), [[0.5], [0.5], [0]], ids: [[1], [1], [8]], outcomes: 10,
                scope: "position")
            let found = try mix(directory).targets.likeliest(for: rows, scope: .position, temperature: 1)
            #expect(found.ids == [0, 1, 9])
            // 0.75 · 0.9 + 0.25 · 0.5 / 9; then b alone; then nothing.
            #expect(isClose(found.logProbabilities.map { exp($0) }, [0.675 + 0.125 / 9, 0.5, 0]))
        }
    }

    @Test("by the most confident teacher are that teacher's rows; of equal ones the first speaks")
    func mostConfident() throws {
        try withDirectory { directory in
            try write(directory.appendingPathComponent("a.h5"), [[0.5, 0.5], [0.1, 0.9]])
            try write(directory.appendingPathComponent("b.h5"), [[0.8, 0.2], [0.9, 0.1]])
            let mixed = try mix(directory, weights: [1, 1], rule: .mostConfident)
            #expect(
                isClose(try mixed.targets.logProbabilities(for: rows).values.map { exp($0) }, [0.8, 0.2, 0.1, 0.9]))
            #expect(mixed.summary.rowsOfSource == [1, 1])
            // An even tail over many outcomes is uncertain: 0.6 on one of 1000 says less than a coin.
            try write(directory.appendingPathComponent("a.h5"), [[0.6], [0.6]], ids: [[1], [1]], outcomes: 1000)
            try write(
                directory.appendingPathComponent("b.h5"), [[0.5, 0.5], [0.5, 0.5]], ids: [[5, 6], [5, 6]],
                outcomes: 1000)
            let kept = try mix(directory, weights: [1, 1], rule: .mostConfident)
            #expect(kept.summary.rowsOfSource == [0, 2])
            #expect(try kept.targets.likeliest(for: rows, scope: .row, temperature: 1).ids == [5, 6, 5, 6])
        }
    }

    @Test("of other rows, outcomes or tokenizers are refused, naming the recording")
    func refusals() throws {
        try withDirectory { directory in
            let (a, b) = (directory.appendingPathComponent("a.h5"), directory.appendingPathComponent("b.h5"))
            try write(a, [[0.5, 0.5], [0.1, 0.9]], digest: "one")
            for (field, change) in [
                ("log_probabilities", { try write(b, [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]) }),
                ("log_probabilities", { try write(b, [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], scope: "position") }),
                ("tokens", { try write(b, [[0.5, 0.5]], rows: [[1, 2]]) }),
                ("rows/hash", { try write(b, [[0.5, 0.5], [0.5, 0.5]], rows: [[1, 2], [4]]) }),
                ("tokenizer_sha256", { try write(b, [[0.5, 0.5], [0.5, 0.5]], digest: "two") }),
            ] as [(String, () throws -> Void)] {
                try change()
                let error = try #require(throws: InputError.self) { try mix(directory) }
                #expect(error.field == field && error.file?.hasSuffix("b.h5") == true, "\(error)")
            }
            // A recording that does not say its tokenizer may be mixed.
            try write(b, [[0.5, 0.5], [0.5, 0.5]])
            #expect(try mix(directory).targets.description.digests["tokenizer_sha256"] == "one")
        }
    }
}
