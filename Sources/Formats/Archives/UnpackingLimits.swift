import Files

/// How much compressed bytes may unpack to: what a small file that claims to be endless is refused by.
public struct UnpackingLimits: Sendable {
    /// The most bytes that one file may unpack to.
    public var bytes: Int
    /// The most unpacked bytes for each byte of the file; texts have 3 to 50.
    public var ratio: Int
    /// Unpacked bytes that the ratio does not count.
    public var allowance: Int
    /// The most entries of one archive.
    public var entries: Int

    /// 1 TiB, 200 bytes for each byte of the file and 64 MiB more, a million entries.
    public static let usual = UnpackingLimits()

    public init(bytes: Int = 1 << 40, ratio: Int = 200, allowance: Int = 64 << 20, entries: Int = 1_000_000) {
        self.bytes = bytes
        self.ratio = ratio
        self.allowance = allowance
        self.entries = entries
    }

    /// The most bytes that a file of `size` bytes may unpack to.
    func unpacked(from size: Int) -> Int {
        let (product, overflows) = size.multipliedReportingOverflow(by: ratio)
        let (sum, overflowsToo) = product.addingReportingOverflow(allowance)
        return overflows || overflowsToo ? bytes : min(bytes, sum)
    }

    static func exceeded(_ limit: Int, file: String, entry: String? = nil) -> InputError {
        InputError(
            file: file, field: entry, problem: "unpacks to more than \(limit) bytes, too much for a file of its size",
            remedy: "if that is meant, unpack it and name the unpacked files")
    }
}
