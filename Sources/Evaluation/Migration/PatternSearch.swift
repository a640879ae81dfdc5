import Foundation

/// A search for a pattern that ends: patterns such as `(a+)+$` try twice as much with every character.
///
/// The engine reports each place where it begins, after well under a microsecond, and every 10,000 steps of backtracking. After some
/// 40 million of those it gives up, as it does where its stack is full, and says that nothing was found.
struct PatternSearch {
    private(set) var isFound = false
    /// Whether it is not known if there is a match.
    private(set) var gaveUp = false

    private static let (longReport, mostLongReports) = (Duration.microseconds(5), 1000)
    private static let longest = Duration.seconds(2)

    mutating func run(_ expression: NSRegularExpression, in text: String) {
        let clock = ContinuousClock()
        let start = clock.now
        var (last, longReports, isFound, gaveUp) = (start, 0, false, false)
        expression.enumerateMatches(
            in: text, options: [.reportProgress, .reportCompletion], range: NSRange(text.startIndex..., in: text)
        ) { match, flags, stop in
            let now = clock.now
            if last.duration(to: now) > Self.longReport { longReports += 1 }
            last = now
            if match != nil { isFound = true }
            if longReports > Self.mostLongReports || start.duration(to: now) > Self.longest
                || flags.contains(.internalError)
            {
                gaveUp = true
            }
            if isFound || gaveUp { stop.pointee = true }
        }
        self.isFound = isFound
        self.gaveUp = gaveUp && !isFound
    }
}
