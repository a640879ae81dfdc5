import CKernels

/// The precision of matrix products; everything else (weights, norms, softmax, losses, optimizer) is float32.
public enum Precision: String, Codable, Sendable, CaseIterable {
    case float32
    /// Operands rounded to bfloat16, sums in float32: the upper half of a float32, 8 bits of mantissa.
    case bfloat16

    /// The faster of the two on this processor: bfloat16 where it has AMX, or where its vector instruction for
    /// bfloat16 is measured (in some milliseconds) to be at least 1.5 times as fast as float32's; some processors
    /// run it at half the speed.
    public static let fastest: Precision = {
        var (float32, bfloat16) = (0.0, 0.0)
        retort_product_rates(&float32, &bfloat16)
        return bfloat16 > 1.5 * float32 ? .bfloat16 : .float32
    }()

    /// Why `fastest` is what it is, in a few words.
    public static var choice: String {
        switch fastest {
        case .bfloat16: "bfloat16, which this processor multiplies faster"
        case .float32: "float32: this processor has no fast instructions for bfloat16"
        }
    }

    /// The kernels of this precision.
    var product: retort_product {
        switch self {
        case .float32: Self.products.float32
        case .bfloat16: Self.products.bfloat16
        }
    }

    /// The depth that packed operands have room for.
    func paddedDepth(_ depth: Int) -> Int {
        self == .bfloat16 ? (depth + 31) / 32 * 32 : depth
    }

    /// Floats whose memory holds so many elements.
    func floats(_ elements: Int) -> Int {
        self == .bfloat16 ? (elements + 1) / 2 : elements
    }

    // The tables are never written after start.
    nonisolated(unsafe) private static let products = (
        float32: retort_product_best(4).pointee, bfloat16: retort_product_best(2).pointee
    )

    /// The instructions that products of this precision use, such as `amx`, `avx512` or `OpenBLAS SkylakeX`.
    public var instructions: String {
        usesBLAS ? "OpenBLAS \(MatrixProduct.coreName)" : String(cString: product.name)
    }

    /// Whether large products go to OpenBLAS: float32 on processors without AVX-512, for which the own kernels have no
    /// block sizes that match it.
    var usesBLAS: Bool { self == .float32 && !Self.hasAVX512 }

    private static let hasAVX512 = String(cString: products.float32.name) == "avx512"
}
