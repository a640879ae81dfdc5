import Models

/// How far a smaller model's answers are from the whole model's.
public enum OutputDivergence {
    /// The mean over texts of KL(whole ‖ smaller), of a language model per token; of points half of the squared distance.
    ///
    /// - Throws: `InputError` if the whole model cannot read the texts.
    public static func mean(
        of smaller: some ScorableModel, from whole: some ScorableModel, on calibration: CalibrationSequences
    ) throws -> Double {
        let texts = calibration.withoutLabels
        try whole.check(texts)
        let batch = whole.examplesPerPass(texts)
        var sum = 0.0
        try texts.forEachBatch(of: batch) { examples in
            let (a, b) = (Answers(of: smaller, texts, examples), Answers(of: whole, texts, examples))
            sum += a.losses(comparedWith: b).reduce(0, +)
        }
        return sum / Double(texts.count)
    }
}
