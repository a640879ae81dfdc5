import Foundation

extension Error {
    /// Why the system refused, in its own words, such as `No space left on device`; else what the error says of itself, in ours.
    public var systemReason: String {
        if let error = self as? DecodingError { return error.place }
        if self is EncodingError { return "a value that JSON cannot hold" }
        // A bridged error does not cast to POSIXError; its domain tells.
        let inner = ((self as? CocoaError)?.underlying ?? self) as NSError
        if inner.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(inner.code))) }
        guard inner.domain == NSCocoaErrorDomain else {
            return inner.domain.hasPrefix("NS") ? "error \(inner.code) of the system" : String(describing: self)
        }
        return switch CocoaError.Code(rawValue: inner.code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: String(cString: strerror(ENOENT))
        case .fileReadNoPermission, .fileWriteNoPermission: String(cString: strerror(EACCES))
        case .fileWriteOutOfSpace: String(cString: strerror(ENOSPC))
        case .fileWriteFileExists: String(cString: strerror(EEXIST))
        case .fileWriteVolumeReadOnly: String(cString: strerror(EROFS))
        case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding: "not UTF-8"
        case .fileReadCorruptFile, .propertyListReadCorrupt: "damaged"
        case .fileReadTooLarge: "too large"
        default: "error \(inner.code) of the file system"
        }
    }
}

extension DecodingError {
    /// What is wrong where: `models.student.bytes is missing`.
    fileprivate var place: String {
        func path(_ context: Context, _ key: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + (key.map { [$0] } ?? [])
            let text = keys.reduce("") { text, key in
                key.intValue.map { "\(text)[\($0)]" } ?? (text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)")
            }
            return text.isEmpty ? "the document" : text
        }
        return switch self {
        case .keyNotFound(let key, let context): "\(path(context, key)) is missing"
        case .valueNotFound(_, let context): "\(path(context)) is null"
        case .typeMismatch(let type, let context): "\(path(context)) is no \(Self.noun(type))"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "it is no JSON" : "\(path(context)) has a value that cannot be read"
        @unknown default: "it is not the JSON that is expected"
        }
    }

    private static func noun(_ type: Any.Type) -> String {
        switch type {
        case is String.Type: "text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "whole number"
        case is any BinaryFloatingPoint.Type: "number"
        case is any Collection.Type: type is [String: Any].Type ? "object" : "list"
        default: "object"
        }
    }
}
