import Files
import Foundation
import Models
import Recipes
import Tokenizers

/// One text to classify.
struct PredictionRequest {
    /// An id as it came: JSON text or number.
    enum ID: Codable {
        case string(String)
        case integer(Int)

        init(from decoder: any Swift.Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .integer(number)
            } else {
                self = .string(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Swift.Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .string(let text): try container.encode(text)
            case .integer(let number): try container.encode(number)
            }
        }
    }

    var id: ID
    var text: String

    init(id: ID, text: String) {
        self.id = id
        self.text = text
    }

    /// Whether a first line says that all lines are JSON objects: texts may well begin with a brace.
    static func isObject(_ line: String) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any]
    }

    /// A JSON object with `text` and perhaps `id`.
    ///
    /// - Throws: `InputError` with the line's number where the line is not such an object.
    init(object line: String, number: Int) throws {
        struct Object: Decodable {
            var id: ID?
            var text: String
            var textPair: String?

            enum CodingKeys: String, CodingKey {
                case id, text
                case textPair = "text_pair"
            }
        }
        do {
            let object = try JSONDecoder().decode(Object.self, from: Data(line.utf8))
            guard object.textPair == nil else {
                throw InputError(
                    file: "standard input", line: number, field: "text_pair",
                    problem: "this version classifies single texts", remedy: "leave text_pair out")
            }
            self.init(id: object.id ?? .integer(number), text: object.text)
        } catch is DecodingError {
            throw InputError(
                file: "standard input", line: number, field: "text",
                problem: "not an object with a \"text\" of type string and an \"id\" that is text or a whole number",
                remedy: "write {\"id\": …, \"text\": \"…\"}: the first line is such an object, so all are read as such")
        }
    }
}

/// Answers requests in batches, a line of JSON each, in their order.
struct LinePredictor {
    let model: LoadedModel
    let maxLength: Int
    let withLogits: Bool

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var label: String
        var score: Double
        var scores: [String: Double]
        var logits: [Float]?
    }

    func answer(_ requests: [PredictionRequest]) throws {
        guard !requests.isEmpty else { return }
        let sequences = model.tokenizer.encode(requests.map(\.text), maxLength: maxLength)
        let labels = model.classifier.configuration.labels
        let logits = try model.classifier.logits(of: sequences, batch: requests.count)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for (row, request) in requests.enumerated() {
            let values = Array(logits[row * labels.count..<(row + 1) * labels.count])
            let probabilities = Self.softmax(values)
            let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
            let answer = Answer(
                id: request.id, label: labels[best], score: probabilities[best],
                scores: Dictionary(zip(labels, probabilities), uniquingKeysWith: +), logits: withLogits ? values : nil)
            printData(String(decoding: try encoder.encode(answer), as: UTF8.self))
        }
    }

    private static func softmax(_ logits: [Float]) -> [Double] {
        let maximum = Double(logits.max()!)
        let exponentials = logits.map { exp(Double($0) - maximum) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
