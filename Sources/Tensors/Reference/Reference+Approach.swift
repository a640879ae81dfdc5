extension Reference {
    /// One step of a running average towards x: a + share · (x − a).
    public static func approach(_ average: Double, _ x: Double, share: Double) -> Double {
        average + share * (x - average)
    }
}
