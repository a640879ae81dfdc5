import Files

/// What is wrong with the files of an address: the first problems in full, and the number of the others.
final class ProblemList {
    /// What is wrong with one record.
    struct Fault {
        var line: Int
        var field: String?
        var problem: String
        var remedy: String
    }

    private static let shown = 20
    private static let shownNames = 20

    private let address: String
    private let leavingOut: ((InputError) -> Void)?
    private var errors: [InputError] = []
    private var hidden = 0
    /// The file, or the archive and its entry, that is read.
    var file: String

    /// - Parameter leavingOut: takes the first fault of each record that is left out; nil makes all faults problems.
    init(address: String, leavingOut: ((InputError) -> Void)? = nil) {
        self.address = address
        self.leavingOut = leavingOut
        file = address
    }

    /// The records that were left out so far.
    private(set) var leftOut = 0

    var count: Int { errors.count + hidden }
    /// Whether all faults are problems.
    var leavesNothingOut: Bool { leavingOut == nil }

    func add(line: Int? = nil, field: String? = nil, problem: String, remedy: String? = nil) {
        if errors.count < Self.shown {
            errors.append(InputError(file: file, line: line, field: field, problem: problem, remedy: remedy))
        } else {
            hidden += 1
        }
    }

    /// Adds what is wrong with one record, or leaves the record out.
    func add(_ faults: [Fault]) {
        guard let leavingOut else {
            for fault in faults {
                add(line: fault.line, field: fault.field, problem: fault.problem, remedy: fault.remedy)
            }
            return
        }
        guard let fault = faults.first else { return }
        leftOut += 1
        leavingOut(
            InputError(
                file: file, line: fault.line, field: fault.field, problem: fault.problem, remedy: fault.remedy))
    }

    func addNoRecords() {
        add(problem: "holds no records", remedy: "check that the file was written completely")
    }

    /// Reports that `name` is in no record, with the nearest of the names that are.
    func addMissing(_ name: String, line: Int?, among present: [String]) {
        let names = present.prefix(Self.shownNames).map { "`\($0.prefix(100))`" }.joined(separator: ", ")
        let known = present.isEmpty ? "there are none" : "there are \(names)"
        add(
            line: line, field: name,
            problem: "there is no such column; \(known)\(present.count > Self.shownNames ? ", …" : "")",
            remedy: nearestName(to: name, among: present).map { "did you mean `\($0)`?" }
                ?? "name one of the file's columns")
    }

    func throwIfAny() throws {
        guard !errors.isEmpty else { return }
        let rest = hidden > 0 ? [InputError(file: address, problem: "and \(hidden) more problems")] : []
        throw InputErrors(errors + rest)
    }
}
