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
        pointer = StoragePool.shared.take(capacity)
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

    fileprivate func take(_ capacity: Int) -> UnsafeMutablePointer<Float> {
        let recycled = state.withLock { state -> UnsafeMutablePointer<Float>? in
            guard let pointer = state.free[capacity]?.popLast() else { return nil }
            state.freeBytes -= capacity * MemoryLayout<Float>.stride
            return pointer
        }
        if let recycled { return recycled }
        return Self.allocate(bytes: capacity * MemoryLayout<Float>.stride).bindMemory(
            to: Float.self, capacity: capacity)
    }

    /// Large buffers ask for pages of 2 MB: the first touch of 4 kB pages costs more than a pass over them.
    private static func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        let isLarge = bytes >= 2 * largePage
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? largePage : 64)
        #if os(Linux)
            // Advice: where the system does not take it, nothing is lost.
            if isLarge { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
        #endif
        return memory
    }

    private static let largePage = 1 << 21

    fileprivate func give(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
        let bytes = capacity * MemoryLayout<Float>.stride
        let kept = state.withLock { state -> Bool in
            guard state.freeBytes + bytes <= Self.keptBytes else { return false }
            state.freeBytes += bytes
            state.free[capacity, default: []].append(pointer)
            return true
        }
        if !kept { UnsafeMutableRawPointer(pointer).deallocate() }
    }

    /// Gives all free buffers back to the system, for instance between two stages of a run.
    public func drain() {
        let buffers = state.withLock { state in
            defer { state = State() }
            return state.free.values.flatMap { $0 }
        }
        for pointer in buffers { UnsafeMutableRawPointer(pointer).deallocate() }
    }
}
