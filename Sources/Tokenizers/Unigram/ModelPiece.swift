/// A piece of a text that a model found: its id, and the bytes that it stands for.
struct ModelPiece: Equatable {
    var id: Int32
    /// The first byte, in the text that the model was given.
    var start: Int32
    /// The byte after the last.
    var end: Int32
}
