/// The layout of a soft-target file (HDF5), version 1.
///
/// Attributes of `/`: `format` and `schema`; `classes`; `layers`, the recorded teacher layers as `1,3`; then what made
/// it: `teacher_sha256`, `tokenizer_sha256`, `data_sha256`, `recipe`.
///
/// | dataset | type | shape | |
/// |---|---|---|---|
/// | `rows/hash` | uint64 | [R] | `TokenRow.hash` of each distinct row |
/// | `rows/offset` | int64 | [R + 1] | row r has the positions `offset[r]..<offset[r + 1]` |
/// | `tokens` | int32 | [N] | token ids of all rows, end to end |
/// | `log_probabilities` | float32 | [R, classes] | log softmax of the teacher's logits, at T = 1 |
/// | `hidden_states/<layer>` | float16 or float32 | [N, width] | hidden states, 0 being the embedding output |
///
/// All classes are kept, so that every temperature follows exactly: log p(T) = log softmax(log p / T).
enum SoftTargetFile {
    static let format = "retort soft targets"
    static let schema = 1
    static let hashes = "rows/hash"
    static let offsets = "rows/offset"
    static let tokens = "tokens"
    static let logProbabilities = "log_probabilities"

    static func hiddenStates(_ layer: Int) -> String {
        "hidden_states/\(layer)"
    }
}
