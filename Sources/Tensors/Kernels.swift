import CKernels

/// The vector kernels for this processor (see `CKernels.h` for each one's contract).
// The table is never written after start.
nonisolated(unsafe) let kernels: retort_kernels = retort_kernels_best().pointee

/// What was chosen for this processor at run time.
public enum Processor {
    /// The instruction level of the vector kernels, such as `avx2` or `avx512-vnni`.
    public static var kernelLevel: String { String(cString: kernels.name) }

    /// What `RETORT_INSTRUCTIONS` says, if it is set and no level that it may name: then it has no effect.
    public static var misspelt: String? { retort_instructions_misspelt().map { String(cString: $0) } }

    /// The kernel levels that this processor can run and `RETORT_INSTRUCTIONS` permits, slowest first.
    public static var kernelLevels: [String] {
        var count = 0
        let tables = retort_kernels_all(&count)!
        return (0..<count).map { String(cString: tables[$0]!.pointee.name) }
    }
}
