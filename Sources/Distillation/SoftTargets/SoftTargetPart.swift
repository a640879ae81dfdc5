import Files
import Formats
import Foundation
import Tensors

/// One open soft-target file, checked against itself.
final class SoftTargetPart {
    let name: String
    let description: SoftTargetDescription
    /// What is in the file.
    let plan: TargetPlan
    let hashes: [UInt64]
    let tokens: StoredTokens
    private let columns: [TargetColumn: StoredColumn]
    private let logProbabilities: StoredColumn?
    private let ids: HDF5Dataset?
    private let logNormalizers: HDF5Dataset?
    private let unmappedMasses: HDF5Dataset?

    /// Bytes that a file's rows may take in memory for each byte of the file, and for all files of a recording together beside that:
    /// repeated rows shrink well, but what shrinks better is a bomb.
    private static let (growth, allowance) = (64, 256 << 20)

    /// - Parameters:
    ///   - memory: what the rows of earlier files have taken, in bytes; these are added.
    ///   - tokenRoom: bytes that tokens may still take in memory.
    /// - Throws: `InputError` naming the file and the attribute or dataset.
    init(reading url: URL, memory: inout Int, tokenRoom: inout Int) throws {
        name = url.path
        let file = try HDF5File(reading: url)
        // A file of its own size costs nothing of what all share.
        memory -= Self.growth * (FileSize.bytes(at: url.path) ?? 0)
        func read<Element: HDF5Element>(_ path: String, count: Int?, as type: Element.Type) throws -> [Element] {
            let values = try file.dataset(path, shape: [count]).read(type, byteLimit: max(0, Self.allowance - memory))
            memory += values.count * MemoryLayout<Element>.stride
            return values
        }
        let description = try SoftTargetDescription(reading: file, named: name)
        self.description = description
        let offsets = try read(SoftTargetFile.offsets, count: nil, as: Int64.self)
        let tokens = try StoredTokens(
            offsets: offsets, in: file, limit: max(0, Self.allowance - memory), room: &tokenRoom)
        memory += tokens.count * MemoryLayout<Int32>.size
        self.tokens = tokens
        let (rows, positions) = (tokens.rows, tokens.count)
        if try file.links(in: "/").contains(where: { $0.name == "rows" }),
            try file.links(in: "rows").contains(where: { $0.name == "hash" })
        {
            hashes = try read(SoftTargetFile.hashes, count: rows, as: UInt64.self)
        } else {
            hashes = try (0..<rows).map { TokenRow.hash(try tokens[$0]) }
        }
        func count(_ scope: TargetScope) -> Int { scope == .row ? rows : positions }
        var columns: [TargetColumn: StoredColumn] = [:]
        var plan = TargetPlan()
        plan.kept = description.predictions?.kept ?? 0
        plan.temperatures = description.temperatures
        plan.hiddenLayers = description.hiddenLayers
        plan.attentionLayers = description.attentionLayers
        plan.isPooled = try file.links().contains { $0.name == TargetColumn.pooled.path }
        for column in plan.columns {
            columns[column] = try StoredColumn(column.path, rows: count(column.scope), in: file)
        }
        self.columns = columns
        if let states = plan.columns.first.flatMap({ columns[$0] }) {
            plan.states = states.element
            plan.deflate = states.isDeflated ? 1 : 0
        }
        if let predictions = description.predictions {
            let (count, width) = (count(predictions.scope), predictions.kept)
            logProbabilities = try StoredColumn(
                SoftTargetFile.logProbabilities, rows: count, width: width, in: file)
            ids = predictions.areComplete ? nil : try file.dataset(SoftTargetFile.ids, shape: [count, width])
            let hasNormalizers = !description.temperatures.isEmpty && !predictions.areComplete
            logNormalizers =
                hasNormalizers
                ? try file.dataset(SoftTargetFile.logNormalizers, shape: [count, description.temperatures.count]) : nil
        } else {
            (logProbabilities, ids, logNormalizers) = (nil, nil, nil)
        }
        unmappedMasses =
            try file.links().contains { $0.name == SoftTargetFile.unmapped }
            ? try file.dataset(SoftTargetFile.unmapped, shape: [rows]) : nil
        if let logProbabilities { plan.probabilities = logProbabilities.element }
        self.plan = plan
    }

    var rows: Int { hashes.count }

    /// Whether these are the file's rows, in this order.
    func holds(_ rows: [[Int32]]) throws -> Bool {
        guard rows.count == self.rows else { return false }
        return try rows.indices.allSatisfy { try tokens[$0] == rows[$0] }
    }

    private func ranges(_ rows: [Int], _ scope: TargetScope) -> [Range<Int>] {
        rows.map { scope == .row ? $0..<$0 + 1 : tokens.positions($0) }
    }

    func column(_ column: TargetColumn) -> StoredColumn? { columns[column] }

    /// The states of some rows, one after another: [N, width], or [rows, width].
    func values(_ column: TargetColumn, rows: [Int]) throws -> [Float] {
        try columns[column]!.values(ranges(rows, column.scope))
    }

    /// The probability of no class, of every row, checked; nil where it is not recorded.
    func unmapped() throws -> [Float]? {
        guard let masses = try unmappedMasses?.read(Float.self) else { return nil }
        if let bad = masses.firstIndex(where: { !(0...1).contains($0) }) {
            throw InputError(
                file: name, field: SoftTargetFile.unmapped, problem: "row \(bad): \(masses[bad]) is no probability")
        }
        return masses
    }

    /// The predictions of some rows, checked: each sums to 1, or to at most 1 where outcomes were left out.
    func predictions(rows: [Int]) throws -> KeptPredictions {
        let (predictions, columns) = (description.predictions!, logProbabilities!)
        let ranges = ranges(rows, predictions.scope)
        let kept = KeptPredictions(
            predictions, logProbabilities: try columns.values(ranges), element: columns.element,
            ids: try ids?.readRows(ranges, filling: 0),
            temperatures: description.temperatures, logNormalizers: try logNormalizers?.readRows(ranges, filling: 0))
        if let problem = kept.problem {
            throw InputError(
                file: name, field: problem.field,
                problem:
                    "\(predictions.scope.rawValue) \(Self.element(problem.prediction, of: ranges)): \(problem.text)",
                remedy: problem.remedy)
        }
        return kept
    }

    /// The element at `place` of ranges laid end to end.
    private static func element(_ place: Int, of ranges: [Range<Int>]) -> Int {
        var rest = place
        for range in ranges {
            if rest < range.count { return range.lowerBound + rest }
            rest -= range.count
        }
        preconditionFailure("\(place) is not in the ranges")
    }
}
