import Files
import Testing

struct PrintableTextTests {
    @Test(
        "what a terminal would obey is escaped",
        arguments: [
            ("a\u{1B}[31mb\u{7}", #"a\u001b[31mb\u0007"#), ("\u{7F}\u{9B}2J", #"\u007f\u009b2J"#),
            ("\u{202E}abc\u{2028}\u{2066}", #"\u202eabc\u2028\u2066"#), ("one\r", #"one\u000d"#),
        ])
    func escaped(_ text: String, _ shown: String) {
        #expect(text.printable() == shown)
    }

    @Test("other text stays as it is", arguments: ["", "plain", "é – … “x”", "中文 \u{1F600}", "a\nb\tc"])
    func kept(_ text: String) {
        #expect(text.printable() == text)
    }

    @Test("a name stays on its line")
    func oneLine() {
        #expect("a\nproblem: none".printable(keepsLines: false) == #"a\u000aproblem: none"#)
        let error = InputError(file: "f", field: "a\nerror: b", problem: "c")
        #expect(error.description == #"f: a\u000aerror: b: c"#)
    }
}
