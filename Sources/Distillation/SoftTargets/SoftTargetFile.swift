/// The layout of a soft-target file (HDF5), version 2. A recording is one such file, or a directory of its parts.
///
/// Attributes of `/` (strings have a fixed length; integers and numbers are scalars):
///
/// | attribute | |
/// |---|---|
/// | `format`, `schema` | `retort soft targets`, 2 |
/// | `predictions` | `row` or `position`: what each prediction is for; `none` |
/// | `outcomes` | V: the classes, or the ids of the vocabulary |
/// | `kept` | k: the outcomes of each prediction in the file; `outcomes` if it has all |
/// | `temperatures` | `1.0,2.0`: the columns of `log_normalizers` |
/// | `tail` | `exact`, or `uniform` where the mass outside of the kept outcomes was spread evenly for `log_normalizers` |
/// | `layers`, `attention_layers` | `1,3`: the recorded teacher layers |
/// | `attention_heads` | `12,12`: the heads of each of the `attention_layers` |
/// | `classes` | the names of the outcomes, a JSON array; may be missing |
/// | `part`, `parts` | which part of how many this file is |
/// | `teacher_sha256`, `tokenizer_sha256`, `data_sha256`, `command`, `program` | what made it |
///
/// | dataset | type | shape | |
/// |---|---|---|---|
/// | `rows/hash` | uint64 | [R] | `TokenRow.hash` of each row; may be missing |
/// | `rows/offset` | int64 | [R + 1] | row r has the positions `offset[r]..<offset[r + 1]` |
/// | `tokens` | int32 | [N] | token ids of all rows, end to end |
/// | `log_probabilities` | float | [P, k] | log p at T = 1, P being R or N; by outcome if k = V, else by falling likelihood |
/// | `ids` | int32 | [P, k] | the outcomes of `log_probabilities`; missing if k = V |
/// | `log_normalizers` | float64 | [P, temperatures] | c_T = log Σ_{j in V} p_j^(1/T); missing if k = V |
/// | `hidden_states/<layer>` | float | [N, width] | 0 being the embedding output |
/// | `attention/<layer>/query`, `key`, `value` | float | [N, heads · head size] | before attending |
/// | `pooled` | float | [R, width] | |
/// | `unmapped` | float32 | [R] | of answers in words: the probability of no class, before the others were scaled to sum to 1 |
///
/// A float is float32, float16 or bfloat16. With all outcomes every temperature follows: log p(T) = log softmax(log p / T);
/// with k of them log p_i(T) = log p_i / T − c_T, exactly, at the recorded temperatures.
///
/// A prediction whose log-probabilities are all −infinity says nothing, all of it being tail: so are positions of answers
/// marked for which there is no target. Its ids are then the last of the vocabulary.
///
/// What others write needs `format`, `schema`, `rows/offset`, `tokens` and one thing more: `log_probabilities` [R, classes], or
/// [P, k] with `ids`, `outcomes` and `predictions`, or states. Without `log_normalizers` the tail counts as uniform.
enum SoftTargetFile {
    static let format = "retort soft targets"
    static let schema = 2
    static let hashes = "rows/hash"
    static let offsets = "rows/offset"
    static let tokens = "tokens"
    static let logProbabilities = "log_probabilities"
    static let ids = "ids"
    static let logNormalizers = "log_normalizers"
    static let unmapped = "unmapped"
    static let classes = "classes"
    static let fileExtension = "h5"

    /// The name of a part, counted from 0.
    static func name(ofPart part: Int, of parts: Int) -> String {
        func padded(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        }
        return "part-\(padded(part))-of-\(padded(parts)).\(fileExtension)"
    }
}
