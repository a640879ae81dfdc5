import Distillation
import Foundation
import Recipes

/// Shows a run: a moving line on a terminal, one plain line every few seconds elsewhere; the same goes to `log.txt`.
final class ProgressLine: RunObserver {
    private let clock = ContinuousClock()
    private var lastShown: ContinuousClock.Instant?
    private var lineIsOpen = false
    private var position = ""
    /// Where work that is counted began to be shown.
    private var first: (stage: String, done: Int, time: ContinuousClock.Instant)?

    private var interval: Duration { Message.isTerminal ? .milliseconds(100) : .seconds(5) }

    func began(_ stage: String, position index: Int, of count: Int) {
        position = "[\(index)/\(count)]"
        lastShown = nil
        if Message.isTerminal { show("\(position) \(stage) …") } else { close("\(position) \(stage)") }
    }

    func skipped(_ stage: String) {
        close("\(position) \(stage): finished before, its inputs are the same")
    }

    func trained(_ progress: TrainingProgress) {
        let report = progress.report
        guard isDue || report.step == progress.totalSteps else { return }
        let terms = report.terms.count > 1 ? " (\(report.terms.map(short).joined(separator: ", ")))" : ""
        show(
            "\(position) \(progress.stage) \(bar(report.step, progress.totalSteps)) "
                + "\(report.step)/\(progress.totalSteps) · loss \(number(report.loss))\(terms) "
                + "· lr \(number(report.learningRate)) · \(pace(progress.examplesPerSecond)) examples/s "
                + "· \(Self.time(progress.secondsLeft)) left")
    }

    func advanced(_ stage: String, done: Int, total: Int, unit: String) {
        if first?.stage != stage || done < first!.done { first = (stage, done, clock.now) }
        guard isDue || done == total else { return }
        let (seconds, fresh) = (first!.time.duration(to: clock.now).seconds, done - first!.done)
        let rate = fresh > 0 && seconds > 0 ? Double(fresh) / seconds : 0
        let shown = rate > 0 ? " · \(pace(rate)) \(unit)/s · \(Self.time(Double(total - done) / rate)) left" : ""
        show("\(position)\(position.isEmpty ? "" : " ")\(stage) \(bar(done, total)) \(done)/\(total) \(unit)\(shown)")
    }

    /// Shows how far something has come whose amount is known, with its rate and the time that is left.
    func measured(_ stage: String, done: Double, total: Double, unit: String, seconds: Double) {
        guard isDue || done >= total else { return }
        let rate = seconds > 0 ? done / seconds : 0
        let left = rate > 0 ? (total - done) / rate : .infinity
        let (first, second) = (Int((done * 1000).rounded()), Int((total * 1000).rounded()))
        let format = total < 10 ? "%.1f/%.1f" : "%.0f/%.0f"
        show(
            "\(stage) \(bar(first, second)) \(String(format: format, done, total)) \(unit) "
                + "· \(pace(rate)) \(unit)/s · \(Self.time(left)) left")
    }

    func ended(_ stage: String, seconds: Double, summary: String) {
        close("\(position) \(stage): \(summary) (\(Self.time(seconds)))")
    }

    /// Says what was done and how long it took.
    func finished(_ text: String, seconds: Double) {
        close("\(text) (\(Self.time(seconds)))")
    }

    func note(_ text: String) {
        close("      \(text)")
    }

    private var isDue: Bool {
        guard let lastShown else { return true }
        return lastShown.duration(to: clock.now) >= interval
    }

    /// Shows a line that the next one replaces.
    private func show(_ text: String) {
        lastShown = clock.now
        guard Message.isTerminal else { return Message.line(text) }
        Message.raw("\r\u{1B}[2K" + fitted(text))
        lineIsOpen = true
    }

    /// Shows a line that stays.
    private func close(_ text: String) {
        if lineIsOpen { Message.raw("\r\u{1B}[2K") }
        lineIsOpen = false
        Message.line(text)
    }

    private func fitted(_ text: String) -> String {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return text }
        return String(text.prefix(Int(size.ws_col) - 1))
    }

    private func bar(_ done: Int, _ total: Int) -> String {
        guard Message.isTerminal else { return "" }
        let width = 20
        let filled = total > 0 ? min(max(width * done / total, 0), width) : width
        return String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled)
    }

    private func short(_ term: LossTerm) -> String {
        "\(term.name.replacingOccurrences(of: "_", with: " ")) \(number(term.value))"
    }

    private func number(_ value: Float) -> String {
        String(format: value != 0 && abs(value) < 0.001 ? "%.1e" : "%.3f", value)
    }

    private func pace(_ rate: Double) -> String {
        String(format: rate < 1 ? "%.2f" : rate < 10 ? "%.1f" : "%.0f", rate)
    }

    /// A time as a person reads it, to a tenth of a second below ten.
    static func time(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        if seconds < 10 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        return whole < 60 ? "\(whole) s" : String(format: "%d:%02d min", whole / 60, whole % 60)
    }
}
