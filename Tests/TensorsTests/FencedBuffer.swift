import Foundation

/// Memory for one operand of a kernel: its last byte lies before a page that must not be touched, so that reading or
/// writing beyond the end stops the process, and bytes in front of it show whether anything was written there.
final class FencedBuffer<Element: BitwiseCopyable> {
    let pointer: UnsafeMutablePointer<Element>
    let count: Int
    private let region: UnsafeMutableRawPointer
    private let regionBytes: Int
    private let tail: Int
    private static var sentinel: UInt8 { 0xA5 }

    /// - Parameter misaligned: leaves one watched element between the values and the fence, which moves an otherwise
    ///   aligned start off its boundary.
    init(_ values: [Element], misaligned: Bool = false) {
        let page = Int(getpagesize())
        let bytes = values.count * MemoryLayout<Element>.stride
        tail = misaligned ? MemoryLayout<Element>.stride : 0
        let pages = (bytes + tail + 64 + page - 1) / page
        regionBytes = (pages + 1) * page
        let mapped = mmap(nil, regionBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(mapped != MAP_FAILED, "mmap failed")
        region = mapped!
        precondition(mprotect(region + pages * page, page, PROT_NONE) == 0, "mprotect failed")
        memset(region, Int32(Self.sentinel), pages * page)
        count = values.count
        pointer = (region + pages * page - tail - bytes).bindMemory(to: Element.self, capacity: max(count, 1))
        values.withUnsafeBufferPointer { if let base = $0.baseAddress { pointer.update(from: base, count: count) } }
    }

    deinit {
        munmap(region, regionBytes)
    }

    var values: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

    /// Whether nothing was written in front of the values or between them and the fence.
    var isIntact: Bool {
        let start = UnsafeRawPointer(pointer)
        let end = start + count * MemoryLayout<Element>.stride
        let before = UnsafeRawBufferPointer(start: region, count: start - UnsafeRawPointer(region))
        let after = UnsafeRawBufferPointer(start: end, count: tail)
        return before.allSatisfy { $0 == Self.sentinel } && after.allSatisfy { $0 == Self.sentinel }
    }
}
