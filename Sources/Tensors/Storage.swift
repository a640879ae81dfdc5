import Foundation
import Synchronization

/// A 64-byte aligned buffer of floats that returns to a pool, not to the system, when it is released.
///
/// Page faults on fresh memory cost as much as half of a training step; recycled buffers have none.
/// Invariant for `@unchecked Sendable`: the memory is written only through `Tensor`, which copies a shared buffer
/// before it writes to it.
final class Storage: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    let capacity: Int

    /// Room for at least `count` floats with undefined content.
    init(count: Int) {
        capacity = StoragePool.capacity(for: count)
        pointer = StoragePool.shared.take(capacity).pointer
    }

    /// `count` zeros, without touching memory that is fresh from the system and zero already.
    init(zeros count: Int) {
        capacity = StoragePool.capacity(for: count)
        let (pointer, isZero) = StoragePool.shared.take(capacity)
        self.pointer = pointer
        if !isZero { pointer.update(repeating: 0, count: count) }
    }

    deinit {
        StoragePool.shared.give(pointer, capacity: capacity)
    }
}

/// Free buffers by size class, four classes per power of two.
public final class StoragePool: Sendable {
    /// The one pool of the process.
    public static let shared = StoragePool()

    private struct State: @unchecked Sendable {  // Free buffers belong to the pool alone.
        var free: [Int: [UnsafeMutablePointer<Float>]] = [:]
        var freeBytes = 0
    }
    private let state = Mutex(State())

    /// Free bytes that are kept at most; beyond that, buffers go back to the system.
    private static let keptBytes = 1 << 30

    static func capacity(for count: Int) -> Int {
        let minimum = max(count, 16)
        let power = 1 << (Int.bitWidth - 1 - minimum.leadingZeroBitCount)
        if minimum == power { return power }
        let quarter = max(power / 4, 16)
        return power + (minimum - power + quarter - 1) / quarter * quarter
    }

    /// A buffer, and whether it is known to hold zeros.
    fileprivate func take(_ capacity: Int) -> (pointer: UnsafeMutablePointer<Float>, isZero: Bool) {
        let recycled = state.withLock { state -> UnsafeMutablePointer<Float>? in
            guard let pointer = state.free[capacity]?.popLast() else { return nil }
            state.freeBytes -= capacity * MemoryLayout<Float>.stride
            return pointer
        }
        if let recycled { return (recycled, false) }
        let bytes = capacity * MemoryLayout<Float>.stride
        let isLarge = Self.isLarge(bytes)
        let memory =
            isLarge ? Self.map(bytes: bytes) : UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        return (memory.bindMemory(to: Float.self, capacity: capacity), isLarge)
    }

    private static func isLarge(_ bytes: Int) -> Bool {
        #if os(Linux)
            bytes >= largePage
        #else
            false
        #endif
    }

    private static let largePage = 1 << 21

    /// Zeros straight from the system, in pages of 2 MB where it gives them: the first touch of 4 kB pages costs more
    /// than a pass over them.
    private static func map(bytes: Int) -> UnsafeMutableRawPointer {
        let mapped = mmap(nil, bytes + largePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { fatalError("no memory for a tensor of \(bytes) bytes") }
        // What lies before the first large page and behind the buffer goes back.
        let start = UnsafeMutableRawPointer(bitPattern: (Int(bitPattern: mapped) + largePage - 1) & ~(largePage - 1))!
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let end = start + (bytes + page - 1) / page * page
        if start > mapped { munmap(mapped, start - mapped) }
        if end < mapped + bytes + largePage { munmap(end, mapped + bytes + largePage - end) }
        #if os(Linux)
            // Advice: where the system does not take it, nothing is lost.
            _ = madvise(start, bytes, MADV_HUGEPAGE)
        #endif
        return start
    }

    private static func release(_ pointer: UnsafeMutablePointer<Float>, bytes: Int) {
        if isLarge(bytes) { munmap(pointer, bytes) } else { UnsafeMutableRawPointer(pointer).deallocate() }
    }

    fileprivate func give(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
        let bytes = capacity * MemoryLayout<Float>.stride
        let kept = state.withLock { state -> Bool in
            guard state.freeBytes + bytes <= Self.keptBytes else { return false }
            state.freeBytes += bytes
            state.free[capacity, default: []].append(pointer)
            return true
        }
        if !kept { Self.release(pointer, bytes: bytes) }
    }

    /// Gives all free buffers back to the system, for instance between two stages of a run.
    public func drain() {
        let buffers = state.withLock { state in
            defer { state = State() }
            return state.free.flatMap { capacity, pointers in pointers.map { ($0, capacity) } }
        }
        for (pointer, capacity) in buffers {
            Self.release(pointer, bytes: capacity * MemoryLayout<Float>.stride)
        }
    }
}
