/// What an attention layer computes of its input before it attends.
public enum AttentionPart: String, CaseIterable, Sendable {
    case query, key, value
}
