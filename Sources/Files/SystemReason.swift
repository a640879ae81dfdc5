import Foundation

extension Error {
    /// Why the system refused, in its own words, such as `No space left on device`; else what the error says of itself.
    public var systemReason: String {
        // A bridged error does not cast to POSIXError; its domain tells.
        let inner = ((self as? CocoaError)?.underlying ?? self) as NSError
        return inner.domain == NSPOSIXErrorDomain
            ? String(cString: strerror(Int32(inner.code))) : localizedDescription
    }
}
