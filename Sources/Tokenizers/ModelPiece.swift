/// A piece that a model spells a part of a word with.
struct ModelPiece: Equatable {
    var id: Int32
    /// The bytes of the word that it stands for: `start` up to, not including, `end`.
    var start: Int32
    var end: Int32
}
