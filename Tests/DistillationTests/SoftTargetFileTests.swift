import Distillation
import Files
import Formats
import Foundation
import Tensors
import Testing

/// A soft-target file written by another program after the documented layout, with faults where a test puts them.
private struct ForeignFile {
    var format = "retort soft targets"
    var schema: Int64 = 2
    var rows: [[Int32]] = [[1, 2, 3], [4], [5, 6]]
    var hashes: [UInt64]?
    var offsets: [Int64] = [0, 3, 4, 6]
    var probabilities: [[Float]] = [[0.5, 0.25, 0.25], [1, 0, 0], [0.2, 0.3, 0.5]]
    var layers = "1"
    var hidden: [Int: [Int]] = [1: [6, 2]]

    /// FNV-1a (64 bit) over the ids as little-endian 32-bit integers.
    static func hash(_ row: [Int32]) -> UInt64 {
        row.flatMap { id in (0..<4).map { UInt64(UInt32(bitPattern: id) >> (8 * UInt32($0)) & 255) } }
            .reduce(14_695_981_039_346_656_037) { ($0 ^ $1) &* 1_099_511_628_211 }
    }

    func write(to url: URL) throws {
        try HDF5File.create(at: url) { file in
            try file.setAttribute("format", to: .string(format))
            try file.setAttribute("schema", to: .integer(schema))
            try file.setAttribute("layers", to: .string(layers))
            let hashes = hashes ?? rows.map(Self.hash)
            try file.write(hashes, shape: [hashes.count], to: "rows/hash")
            try file.write(offsets, shape: [offsets.count], to: "rows/offset")
            let tokens = rows.flatMap { $0 }
            try file.write(tokens, shape: [tokens.count], to: "tokens")
            try file.write(
                probabilities.flatMap { $0.map { log($0) } }, shape: [probabilities.count, probabilities[0].count],
                to: "log_probabilities")
            for (layer, shape) in hidden {
                let values = (0..<shape.reduce(1, *)).map { Float($0) }
                try file.write(values, shape: shape, to: "hidden_states/\(layer)")
            }
        }
    }
}

@Suite("Soft-target files")
struct SoftTargetFileTests {
    private func read(_ change: (inout ForeignFile) -> Void = { _ in }, classes: Int = 3) throws -> SoftTargets {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets.h5")
            var file = ForeignFile()
            change(&file)
            try file.write(to: url)
            return try SoftTargets(reading: url, outcomes: classes)
        }
    }

    /// The field that reading a changed file complains about, and the complaint.
    private func refusal(_ change: (inout ForeignFile) -> Void, classes: Int = 3) throws -> InputError {
        let error = try #require(throws: InputError.self) { try read(change, classes: classes) }
        #expect(error.file?.hasSuffix("targets.h5") == true)
        return error
    }

    @Test("written by others after the documented layout are read; excluded classes stay excluded")
    func foreign() throws {
        let targets = try read()
        #expect(
            try targets.logProbabilities(for: [[5, 6], [4]]).values
                == [log(Float(0.2)), log(Float(0.3)), log(Float(0.5)), 0, -.infinity, -.infinity])
        #expect(try targets.hiddenStates(layer: 1, for: [[5, 6], [4]]).values == [8, 9, 10, 11, 6, 7])
    }

    @Test("of another format or schema are refused")
    func format() throws {
        #expect(try refusal { $0.format = "soft targets" }.field == "format")
        let error = try refusal { $0.schema = 1 }
        #expect(error.field == "schema" && error.problem.contains("version 1"))
    }

    @Test("with another number of classes are refused")
    func classes() throws {
        #expect(try refusal({ _ in }, classes: 2).field == "log_probabilities")
        #expect(try refusal({ _ in }, classes: 4).field == "log_probabilities")
    }

    @Test("whose rows do not sum to one are refused, with the row")
    func probabilities() throws {
        for row in [[0.5, 0.2, 0.2], [0.5, 0.5, 0.5], [Float.nan, 0.5, 0.5], [.infinity, 0, 0]] {
            let targets = try read { $0.probabilities[2] = row }
            for ask in [{ try targets.validate() }, { _ = try targets.logProbabilities(for: [[4], [5, 6]]) }] {
                let error = try #require(throws: InputError.self) { try ask() }
                #expect(error.field == "log_probabilities" && error.problem.contains("row 2"), "\(row)")
            }
            // The rows that are sound can be used.
            #expect(try targets.logProbabilities(for: [[4]]).values[0] == 0)
        }
    }

    @Test("whose offsets do not rise from zero to the number of tokens are refused")
    func offsets() throws {
        for offsets: [Int64] in [
            [0, 4, 3, 6], [0, 3, 3, 6], [1, 3, 4, 6], [0, 3, 4, 7], [0, 3, 4, 5], [0, -3, 4, 6], [0, 3, .max, 6],
        ] {
            #expect(try refusal { $0.offsets = offsets }.field == "rows/offset", "\(offsets)")
        }
        #expect(try refusal { $0.offsets = [0, 3, 6] }.field == "rows/hash")
    }

    @Test("that promise a layer they do not hold, or in another shape, are refused")
    func layers() throws {
        #expect(try refusal { $0.layers = "1,2" }.field == "hidden_states/2")
        #expect(try refusal { $0.hidden[1] = [5, 2] }.field == "hidden_states/1")
        #expect(try refusal { $0.hidden[1] = [12] }.field == "hidden_states/1")
        #expect(try refusal { $0.layers = "first" }.field == "layers")
        #expect(throws: InputError.self) { try read { $0.layers = "" }.width(layer: 1) }
    }

    @Test("whose hash points at other tokens give no targets rather than the wrong ones")
    func collision() throws {
        let targets = try read { $0.hashes = [ForeignFile.hash([4]), ForeignFile.hash([1, 2, 3]), 7] }
        for row: [Int32] in [[4], [1, 2, 3], [5, 6]] {
            let error = try #require(throws: InputError.self) { try targets.logProbabilities(for: [row]) }
            #expect(error.field == "rows/hash")
        }
    }

    @Test("whose rows would fill far more memory than the files have are refused, one by one and together")
    func bombs() throws {
        try withDirectory { directory in
            func write(_ tokens: Int, part: Int) throws {
                let url = directory.appendingPathComponent("part-\(part).h5")
                try HDF5File.create(at: url) { file in
                    try file.setAttribute("format", to: .string("retort soft targets"))
                    try file.setAttribute("schema", to: .integer(2))
                    try file.setAttribute("part", to: .integer(Int64(part)))
                    try file.setAttribute("parts", to: .integer(2))
                    try file.write([Int64(0), Int64(tokens)], shape: [2], to: "rows/offset")
                    let zeros = [Int32](repeating: 0, count: tokens)
                    try file.write(zeros, shape: [tokens], to: "tokens", deflate: 9)
                }
            }
            // 180 MB of zeros are about 200 kB in the file: each alone is within what is allowed, both are not.
            for part in 0..<2 { try write(45_000_000, part: part) }
            let error = try #require(throws: InputError.self) { try SoftTargets(reading: directory) }
            #expect(error.field == "tokens" && error.problem.contains("the limit is"))
        }
    }

    @Test("that say of their tail or their outcomes what is not read are refused", arguments: ["tail", "outcomes"])
    func unknown(_ attribute: String) throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets.h5")
            try HDF5File.create(at: url) { file in
                try file.setAttribute("format", to: .string("retort soft targets"))
                try file.setAttribute("schema", to: .integer(2))
                try file.setAttribute("tail", to: .string(attribute == "tail" ? "drop" : "uniform"))
                try file.setAttribute("outcomes", to: .integer(attribute == "tail" ? 5 : 5_000_000_000))
                try file.write([Int64(0), 1], shape: [2], to: "rows/offset")
                try file.write([Int32(3)], shape: [1], to: "tokens")
                try file.write([Float(-1), -1], shape: [1, 2], to: "log_probabilities")
                try file.write([Int32(0), 1], shape: [1, 2], to: "ids")
            }
            let error = try #require(throws: InputError.self) { try SoftTargets(reading: url) }
            #expect(error.field == (attribute == "tail" ? "tail" : "kept"), "\(error)")
        }
    }

    @Test("rows that stand there twice are counted where a check says how far it is")
    func repeatedRows() throws {
        let targets = try read {
            $0.rows += $0.rows
            $0.offsets += [9, 10, 12]
            $0.probabilities += $0.probabilities
            $0.hidden = [1: [12, 2]]
        }
        var last = (done: 0, total: 0)
        try targets.validate { last = ($0, $1) }
        #expect(last.done == last.total && last.total == 2 * targets.rows)
    }

    @Test("that are missing or no HDF5 are refused")
    func noFile() throws {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets.h5")
            #expect(throws: InputError.self) { try SoftTargets(reading: url, outcomes: 3) }
            try Data("log_probabilities".utf8).write(to: url)
            #expect(throws: InputError.self) { try SoftTargets(reading: url, outcomes: 3) }
        }
    }
}
