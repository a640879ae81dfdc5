/// What an attention layer projects its input to.
public enum AttentionPart: String, CaseIterable, Sendable {
    case query, key, value
}
