import Files
import Foundation

/// One text, or pair of texts, to answer.
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
    /// The second text of a pair.
    var textPair: String?

    init(id: ID, text: String, textPair: String? = nil, number: Int = 1) {
        self.number = number
        self.id = id
        self.text = text
        self.textPair = textPair
    }

    /// Which request this is, counted from 1: keys random numbers.
    var number = 1

    /// - Throws: `InputError` for a pair of texts.
    func requireSingleText() throws {
        guard textPair == nil else {
            throw InputError(
                file: "standard input", line: number, field: "text_pair",
                problem: "a decoder continues single texts", remedy: "leave text_pair out")
        }
    }

    /// Whether a first line says that all lines are JSON objects: texts may well begin with a brace.
    static func isObject(_ line: String) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any]
    }

    /// A line that is a text, whose id is the line's number, or a JSON object.
    ///
    /// - Throws: `InputError` with the line's number where an object is expected and the line is none.
    init(line: String, number: Int, readsObjects: Bool) throws {
        guard readsObjects else {
            self.init(id: .integer(number), text: line, number: number)
            return
        }
        try self.init(object: line, number: number)
    }

    /// A JSON object with `text` and perhaps `id` and `text_pair`.
    ///
    /// - Throws: `InputError` with the line's number where the line is not such an object.
    private init(object line: String, number: Int) throws {
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
            self.init(id: object.id ?? .integer(number), text: object.text, textPair: object.textPair, number: number)
        } catch is DecodingError {
            throw InputError(
                file: "standard input", line: number, field: "text",
                problem:
                    "not an object with a \"text\" of type string, perhaps a \"text_pair\" of the same type, and an "
                    + "\"id\" that is text or a whole number",
                remedy: "write {\"id\": …, \"text\": \"…\"}: the first line is such an object, so all are read as such")
        }
    }
}
