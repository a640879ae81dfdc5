import Files
import Testing

struct NearestNameTests {
    private let names = ["learning_rate", "layers", "heads", "hidden", "kl", "keep", "batch"]

    @Test(
        "a typing mistake finds the name that was meant",
        arguments: [
            ("lerning_rate", "learning_rate"), ("learningrate", "learning_rate"), ("learning-rate", "learning_rate"),
            ("LAYERS", "layers"), ("layesr", "layers"), ("layer", "layers"), ("haeds", "heads"), ("kd", "kl"),
            ("learning_rate", "learning_rate"),
        ])
    func found(_ typed: String, _ meant: String) {
        #expect(nearestName(to: typed, among: names) == meant)
    }

    @Test("a name that is far from all finds nothing", arguments: ["", "x", "optimizer", "hdddde", "xy"])
    func far(_ typed: String) {
        #expect(nearestName(to: typed, among: names) == nil)
    }

    @Test("of equally near names the first is taken, and a nearer one wins")
    func ties() {
        #expect(nearestName(to: "rows", among: ["row", "rowsx", "bows"]) == "row")
        #expect(nearestName(to: "rows", among: ["row", "rows"]) == "rows")
        #expect(nearestName(to: "rows", among: []) == nil)
        #expect(nearestName(to: "", among: ["", "a"]) == nil)
    }

    @Test("a swap of neighbours costs one edit")
    func swap() {
        #expect(nearestName(to: "ab", among: ["ba"]) == "ba")
        #expect(nearestName(to: "ab", among: ["cd"]) == nil)
    }
}
