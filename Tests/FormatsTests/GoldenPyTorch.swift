import Files
import Formats
import Foundation

/// The files that Tests/Golden/pytorch.py wrote, with what PyTorch found in them.
enum GoldenPyTorch {
    struct Expected: Decodable {
        struct Tensor: Decodable {
            var name: String
            var type: ElementType
            var shape: [Int]
            /// Hexadecimal.
            var bytes: String
        }

        var tensors: [Tensor]
        var key: String?
        var metadata: [String: String]
        var leftOut: [String]
    }

    struct Hostile: Decodable {
        struct Case: Decodable {
            var name: String
            /// What the error says; empty where there is none.
            var problem: String
            var bytes: Data

            enum CodingKeys: CodingKey {
                case name, problem, runs
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                name = try container.decode(String.self, forKey: .name)
                problem = try container.decode(String.self, forKey: .problem)
                var runs = try container.nestedUnkeyedContainer(forKey: .runs)
                bytes = Data()
                while !runs.isAtEnd {
                    var run = try runs.nestedUnkeyedContainer()
                    let part = try run.decode(Data.self)
                    for _ in 0..<(try run.decode(Int.self)) { bytes += part }
                }
            }
        }

        var pickles: [Case]
        var archives: [Case]
    }

    static func url(_ name: String) -> URL {
        GoldenFile.url("../pytorch/\(name)").standardizedFileURL
    }

    static func expected() throws -> [String: Expected] {
        try JSONDecoder().decode([String: Expected].self, from: Data(contentsOf: url("expected.json")))
    }

    static func hostile() throws -> Hostile {
        try JSONDecoder().decode(Hostile.self, from: Data(contentsOf: url("hostile.json")))
    }

    /// The single storage beside the hostile pickles: six float32 numbers.
    static let storages = ["0": (0..<6).map { Float($0) }.withUnsafeBytes { Data($0) }]

    /// What `body` throws; any other error goes on.
    static func problems<Result>(_ body: () throws -> Result) throws -> [InputError] {
        do {
            _ = try body()
            return []
        } catch let error as InputError {
            return [error]
        } catch let errors as InputErrors {
            return errors.errors
        }
    }
}
