/// The part a model plays, which decides its colour everywhere in the report.
enum Role {
    /// The model that the others are compared with.
    case reference
    /// The model that the verdict is about.
    case subject
    case other

    var fill: String {
        switch self {
        case .reference: "fill-reference"
        case .subject: "fill-subject"
        case .other: "fill-other"
        }
    }

    var stroke: String {
        switch self {
        case .reference: "stroke-reference"
        case .subject: "stroke-subject"
        case .other: "stroke-other"
        }
    }
}
