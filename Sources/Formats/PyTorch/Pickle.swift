import Files
import Foundation

/// The values of a pickle, rebuilt by a machine that knows only the instructions that `torch.save` writes for state
/// dictionaries (https://docs.python.org/3/library/pickletools.html), and executes nothing.
///
/// Its memory is bounded, whatever the pickle repeats or nests: see `memoryLimit`.
struct Pickle: Sendable {
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []
    /// What the pickle as a whole is.
    private(set) var root = PickleValue.none

    private let bytes: Data
    /// What errors name.
    private let file: String
    private let field: String

    /// - Parameters:
    ///   - bytes: the pickle; what follows its end is not looked at.
    ///   - field: the archive's entry, named in errors.
    /// - Throws: `InputError` naming the byte, if the pickle is damaged, refers to anything but the parts of tensors, or
    ///   would take more memory than its limit.
    init(parsing bytes: Data, file: String, field: String) throws {
        self.bytes = bytes
        self.file = file
        self.field = field
        root = try bytes.withUnsafeBytes { source in
            var machine = PickleMachine(source)
            do {
                let root = try machine.run(building: &self)
                return root
            } catch let fault as PickleFault {
                throw InputError(
                    file: file, field: field, problem: "byte \(machine.instruction): \(fault.problem)",
                    remedy: fault.remedy ?? "download or export the file again")
            }
        }
    }

    /// The text of a `.text` value; nil for any other, or where it is not UTF-8.
    func text(_ value: PickleValue) -> String? {
        guard case .text(let range) = value else { return nil }
        let start = bytes.startIndex
        return String(validating: bytes[start + range.lowerBound..<start + range.upperBound], as: UTF8.self)
    }

    /// The values of a tuple or a list; nil for any other value.
    func elements(_ value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let index): tuples[index]
        case .list(let index): lists[index]
        default: nil
        }
    }
}

/// What is wrong at one instruction of a pickle.
struct PickleFault: Error {
    let problem: String
    let remedy: String?

    init(_ problem: String, remedy: String? = nil) {
        self.problem = problem
        self.remedy = remedy
    }
}
