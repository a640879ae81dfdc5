import Foundation

extension Error {
    /// Why the system refused, in its own words, such as `No space left on device`; else what the error says of itself.
    public var systemReason: String {
        let inner = (self as? CocoaError)?.underlying ?? self
        guard let reason = inner as? POSIXError else { return localizedDescription }
        return String(cString: strerror(reason.code.rawValue))
    }
}
