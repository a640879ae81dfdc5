import Files
import Formats
public import Foundation
public import Tensors

/// Recorded targets, read from a soft-target file. Rows are found by their tokens, whatever the order or the batch.
public final class SoftTargets: TeacherTargets {
    private enum Store {
        case half([UInt16])
        case single([Float])
        case file(HDF5Dataset)
    }

    private let name: String
    private let classes: Int
    private let row: [UInt64: Int]
    private let offsets: [Int64]
    private let tokens: [Int32]
    private let logProbabilities: [Float]
    private var hidden: [Int: (width: Int, store: Store)] = [:]
    /// Bytes of hidden states that may still be kept in memory.
    private var memory: Int

    /// Opens a file and checks it against itself and what is expected of it.
    ///
    /// - Parameters:
    ///   - memory: layers of hidden states are read once, when first asked for, and kept while all of them together take
    ///     at most this many bytes; the others are read row by row.
    /// - Throws: `InputError` naming the file and the dataset.
    public init(reading url: URL, classes: Int, memory: Int = 1 << 29) throws {
        name = url.path
        self.classes = classes
        self.memory = memory
        let file = try HDF5File(reading: url)
        let format = try file.string("format")
        guard format == SoftTargetFile.format else {
            throw InputError(
                file: name, field: "format", problem: "found \"\(format)\", expected \"\(SoftTargetFile.format)\"")
        }
        let schema = try file.integer("schema")
        guard schema == SoftTargetFile.schema else {
            throw InputError(
                file: name, field: "schema", problem: "version \(schema); this program reads \(SoftTargetFile.schema)",
                remedy: "record the targets again")
        }
        let hashes = try file.dataset(SoftTargetFile.hashes, shape: [nil]).read(UInt64.self)
        offsets = try file.dataset(SoftTargetFile.offsets, shape: [hashes.count + 1]).read(Int64.self)
        tokens = try file.dataset(SoftTargetFile.tokens, shape: [nil]).read(Int32.self)
        logProbabilities = try file.dataset(SoftTargetFile.logProbabilities, shape: [hashes.count, classes])
            .read(Float.self)
        guard offsets.first == 0, Int(offsets[hashes.count]) == tokens.count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw InputError(
                file: name, field: SoftTargetFile.offsets, problem: "the offsets do not rise from 0 to \(tokens.count)")
        }
        row = Dictionary(hashes.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        try checkProbabilities()
        for text in try file.string("layers").split(separator: ",") {
            guard let layer = Int(text) else {
                throw InputError(file: name, field: "layers", problem: "\"\(text)\" is not a layer number")
            }
            let dataset = try file.dataset(SoftTargetFile.hiddenStates(layer), shape: [tokens.count, nil])
            hidden[layer] = (dataset.shape[1], .file(dataset))
        }
    }

    public func width(layer: Int) throws -> Int {
        try states(of: layer).width
    }

    public func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        var values: [Float] = []
        values.reserveCapacity(sequences.count * classes)
        for sequence in sequences {
            let row = try index(of: sequence)
            values += logProbabilities[row * classes..<(row + 1) * classes]
        }
        return Tensor(values, shape: [sequences.count, classes])
    }

    public func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        try load(layer)
        let (width, store) = try states(of: layer)
        let positions = try sequences.map { sequence in
            let row = try index(of: sequence)
            return Int(offsets[row])..<Int(offsets[row + 1])
        }
        let total = positions.reduce(0) { $0 + $1.count }
        switch store {
        case .half(let bits):
            var chosen: [UInt16] = []
            chosen.reserveCapacity(total * width)
            for range in positions { chosen += bits[range.lowerBound * width..<range.upperBound * width] }
            return Tensor(HalfPrecision.decode(chosen), shape: [total, width])
        case .single(let values):
            var chosen: [Float] = []
            chosen.reserveCapacity(total * width)
            for range in positions { chosen += values[range.lowerBound * width..<range.upperBound * width] }
            return Tensor(chosen, shape: [total, width])
        case .file(let dataset):
            return try Tensor(read(positions, of: dataset, width: width), shape: [total, width])
        }
    }

    private func states(of layer: Int) throws -> (width: Int, store: Store) {
        guard let states = hidden[layer] else {
            throw InputError(
                file: name, field: SoftTargetFile.hiddenStates(layer),
                problem: "not recorded; the file has layers \(hidden.keys.sorted())",
                remedy: "record the targets again with this layer in loss.features.pairs")
        }
        return states
    }

    private func index(of sequence: [Int32]) throws -> Int {
        // The tokens are compared too: equal hashes alone prove nothing.
        guard let row = row[TokenRow.hash(sequence)],
            tokens[Int(offsets[row])..<Int(offsets[row + 1])].elementsEqual(sequence)
        else {
            throw InputError(
                file: name, field: SoftTargetFile.hashes,
                problem:
                    "no targets for the token row \(sequence.prefix(12).map(String.init).joined(separator: " ")) …",
                remedy: "the data or the tokenizer changed since the targets were recorded; record them again")
        }
        return row
    }

    private func read(_ positions: [Range<Int>], of dataset: HDF5Dataset, width: Int) throws -> [Float] {
        var values: [Float] = []
        for range in positions {
            if dataset.elementType == .float16 {
                var bits = [UInt16](repeating: 0, count: range.count * width)
                try bits.withUnsafeMutableBufferPointer { try dataset.readRows(range, into: $0) }
                values += HalfPrecision.decode(bits)
            } else {
                var row = [Float](repeating: 0, count: range.count * width)
                try row.withUnsafeMutableBufferPointer { try dataset.readRows(range, into: $0) }
                values += row
            }
        }
        return values
    }

    /// Takes a layer into memory, if there is room for it.
    private func load(_ layer: Int) throws {
        guard case (let width, .file(let dataset))? = hidden[layer] else { return }
        let bytes = dataset.shape.reduce(dataset.elementType == .float16 ? 2 : 4, *)
        guard bytes <= memory else { return }
        memory -= bytes
        hidden[layer] = (
            width,
            dataset.elementType == .float16
                ? .half(try dataset.read(UInt16.self)) : .single(try dataset.read(Float.self))
        )
    }

    private func checkProbabilities() throws {
        for start in stride(from: 0, to: logProbabilities.count, by: classes) {
            let sum = logProbabilities[start..<start + classes].reduce(0.0) { $0 + exp(Double($1)) }
            guard abs(sum - 1) < 1e-3 else {
                throw InputError(
                    file: name, field: SoftTargetFile.logProbabilities,
                    problem: "the probabilities of row \(start / classes) sum to \(sum), expected 1",
                    remedy: "write log softmax of the logits, at temperature 1")
            }
        }
    }
}
