import CHDF5
import Files
import Foundation

/// The door to libhdf5: one call at a time, nothing printed, no plug-ins.
enum HDF5Library {
    // Recursive, because a handle may be released while its owner already holds the lock.
    private static let lock = NSRecursiveLock()
    /// No plug-ins, and no closing of what is left at the program's exit: a file that failed to close (disk full,
    /// damaged) would fail there again, and the library does not survive that.
    private static let configured: Void = {
        H5dont_atexit()
        H5PLset_loading_state(0)
    }()

    /// Runs `body` as the only caller of the library. Its error stack, and the switch that keeps the library from
    /// printing it, belong to the calling thread, so that both are set anew.
    static func locked<Result: ~Copyable>(_ body: () throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        _ = configured
        H5Eset_auto2(0, nil, nil)
        H5Eclear2(0)
        return try body()
    }

    /// The innermost entry of the library's error stack, which is the most specific one.
    fileprivate static func reason() -> String? {
        var reason: String?
        withUnsafeMutablePointer(to: &reason) { pointer in
            _ = H5Ewalk2(
                0, H5E_WALK_UPWARD,
                { position, entry, context in
                    if position == 0, let text = entry?.pointee.desc {
                        context?.assumingMemoryBound(to: String?.self).pointee = String(cString: text)
                    }
                    return 0
                }, pointer)
        }
        // Failures of the system come with time, address and more; what counts is `error message = '…'`.
        guard let message = reason?.firstRange(of: "error message = '"), let text = reason else { return reason }
        return String(text[message.upperBound...].prefix { $0 != "'" })
    }
}

/// What an error of the library is about: a file and an object in it.
struct HDF5Place: Sendable {
    let file: String
    var path: String?

    func problem(_ problem: String, remedy: String? = nil) -> InputError {
        InputError(file: file, field: path, problem: problem, remedy: remedy)
    }

    /// Throws what the library says went wrong if `status` is one of its negative failure codes.
    @discardableResult
    func check<Status: SignedInteger>(_ status: Status, _ failure: String) throws -> Status {
        guard status >= 0 else {
            throw problem(failure + (HDF5Library.reason().map { ": \($0)" } ?? ""))
        }
        return status
    }
}

/// Owns an identifier of the library and closes it.
struct HDF5Handle: ~Copyable, Sendable {
    private(set) var id: hid_t
    private let release: @Sendable @convention(c) (hid_t) -> herr_t

    init(
        _ id: hid_t, _ release: @escaping @Sendable @convention(c) (hid_t) -> herr_t, _ place: HDF5Place,
        _ failure: String
    ) throws {
        try place.check(id, failure)
        self.id = id
        self.release = release
    }

    /// Closes now, where the outcome matters: what is written may reach the disk only then.
    mutating func close(_ place: HDF5Place) throws {
        let closing = id
        id = -1
        try place.check(release(closing), "cannot close")
    }

    deinit {
        if id >= 0 {
            let (id, release) = (id, release)
            HDF5Library.locked { _ = release(id) }
        }
    }
}
