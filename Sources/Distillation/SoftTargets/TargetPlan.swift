public import Models

/// The element type of recorded numbers.
public enum TargetElement: String, CaseIterable, Sendable {
    case float32, float16, bfloat16

    /// Bytes of an element.
    public var size: Int { self == .float32 ? 4 : 2 }
}

/// States of a teacher that are recorded beside its predictions.
public enum TargetColumn: Hashable, Sendable {
    /// The hidden states after a layer, 0 being the embedding output: [N, C].
    case hidden(Int)
    /// What a layer, counted from 1, computes before it attends: [N, H · D]. Attention maps and relations follow from it.
    case attention(AttentionPart, layer: Int)
    /// One vector per row: [R, C]; see `RecordableTeacher.run`.
    case pooled

    /// Its dataset in a soft-target file.
    var path: String {
        switch self {
        case .hidden(let layer): "hidden_states/\(layer)"
        case .attention(let part, let layer): "attention/\(layer)/\(part.rawValue)"
        case .pooled: "pooled"
        }
    }

    var scope: TargetScope { self == .pooled ? .row : .position }
}

/// What there is one of for each token row, or for each of its positions.
public enum TargetScope: String, Sendable {
    case row, position
}

/// What of a teacher's answers is recorded.
public struct TargetPlan: Equatable, Sendable {
    /// Outcomes kept of each prediction, the likeliest; nil keeps all. 0 records no predictions.
    public var kept: Int?
    /// The temperatures that the kept outcomes are exact at, besides 1.
    public var temperatures: [Double] = []
    public var hiddenLayers: [Int] = []
    public var attentionLayers: [Int] = []
    public var isPooled = false
    /// Of hidden states, attention and pooled vectors.
    public var states = TargetElement.float16
    /// Of log-probabilities.
    public var probabilities = TargetElement.float32
    /// Deflate level of the states, after shuffling the bytes: they shrink little and take long, so 0 by default.
    public var deflate = 0

    public init() {}

    /// The recorded states in the order of the file.
    public var columns: [TargetColumn] {
        hiddenLayers.map { .hidden($0) }
            + attentionLayers.flatMap { layer in AttentionPart.allCases.map { .attention($0, layer: layer) } }
            + (isPooled ? [.pooled] : [])
    }
}
