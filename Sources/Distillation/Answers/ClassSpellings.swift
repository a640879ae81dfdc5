import Files
public import Formats
import Foundation

/// How a teacher that answers in words spells each class: the verbalizer.
///
/// The first token of an answer decides. A token counts for a class if it is one of its spellings or the beginning of one, byte
/// for byte: case and leading blanks are as in the table. A token that fits several classes counts for none.
public struct ClassSpellings: Sendable {
    /// The class names, in the order of the outcomes: numeric where all are whole numbers, else sorted as text, as recipes have
    /// them.
    public let classes: [String]
    private let spellings: [[[UInt8]]]

    /// - Throws: `InputError` for fewer than two classes, a class without spellings, an empty spelling, or one of two classes.
    public init(_ table: [(name: String, spellings: [String])], file: String? = nil) throws {
        func refuse(_ problem: String, _ remedy: String) -> InputError {
            InputError(file: file, field: "classes", problem: problem, remedy: remedy)
        }
        guard table.count >= 2 else { throw refuse("\(table.count) classes; there must be at least two", "name all") }
        let areNumbers = table.allSatisfy { Int($0.name) != nil }
        let table = table.sorted {
            areNumbers ? (Int($0.name)!, $0.name) < (Int($1.name)!, $1.name) : $0.name < $1.name
        }
        var owner: [[UInt8]: String] = [:]
        for (index, entry) in table.enumerated() {
            if index > 0, table[index - 1].name == entry.name {
                throw refuse("the class \(entry.name) stands there twice", "give its spellings at once")
            }
            guard !entry.spellings.isEmpty, !entry.spellings.contains(where: \.isEmpty) else {
                throw refuse("the class \(entry.name) has no spelling, or an empty one", "give a word for it")
            }
            for spelling in entry.spellings {
                let earlier = owner.updateValue(entry.name, forKey: Array(spelling.utf8))
                if let earlier, earlier != entry.name {
                    throw refuse("\"\(spelling)\" spells both \(earlier) and \(entry.name)", "give it to one class")
                }
            }
        }
        classes = table.map(\.name)
        spellings = table.map { $0.spellings.map { Array($0.utf8) } }
    }

    /// The classes that a token spells or begins to spell.
    func classes(of token: APIAnswer.Candidate) -> [Int] {
        let bytes = token.bytes ?? Array(token.text.utf8)
        guard !bytes.isEmpty else { return [] }
        return spellings.indices.filter { spellings[$0].contains { $0.starts(with: bytes) } }
    }

    /// What the first token of an answer says of the classes.
    public struct Reading: Sendable {
        /// The probability of each class, not renormalised.
        public var masses: [Double]
        /// Tokens that count for no class, with their probability.
        public var unmapped: [(text: String, mass: Double)] = []
        /// The token of the largest probability among those that fit several classes.
        public var ambiguous: (text: String, mass: Double, classes: [String])?
        /// Probability of tokens that the server did not list.
        public var beyond = 0.0

        /// Probability that some class has.
        public var mapped: Double { masses.reduce(0, +) }

        /// log p over the classes, renormalised: −infinity where no token spells a class.
        public var logProbabilities: [Float] {
            let mapped = mapped
            return masses.map { Float(log($0 / mapped)) }
        }
    }

    public func read(_ first: APIAnswer.Token) -> Reading {
        var reading = Reading(masses: [Double](repeating: 0, count: classes.count))
        var sum = 0.0
        for candidate in first.candidates {
            let mass = exp(candidate.logProbability)
            sum += mass
            let fitting = classes(of: candidate)
            if fitting.count == 1 {
                reading.masses[fitting[0]] += mass
                continue
            }
            reading.unmapped.append((candidate.text, mass))
            if fitting.count > 1, mass > reading.ambiguous?.mass ?? -1 {
                reading.ambiguous = (candidate.text, mass, fitting.map { classes[$0] })
            }
        }
        reading.beyond = max(0, 1 - sum)
        return reading
    }
}
