import CKernels

/// One kernel at one instruction level, run on this machine and compared with its reference: for `retort doctor`.
public struct KernelCheck: Codable, Equatable, Sendable {
    public let kernel: String
    public let level: String
    /// Largest absolute difference from the reference in double precision.
    public let error: Double
    public let tolerance: Double
    public var passed: Bool { error <= tolerance }

    /// Checks what this processor can run, on fixed random numbers.
    public static func runAll() -> [KernelCheck] {
        var count = 0
        let tables = retort_kernels_all(&count)!
        let kernels = (0..<count).flatMap { checks(tables[$0]!.pointee) }
        let products = retort_products_all(&count)!
        return kernels + (0..<count).map { product(products[$0]!.pointee) } + Precision.allCases.map(linear)
    }

    private static let rows = 7
    private static let width = 203

    private static func numbers(_ name: String, _ count: Int) -> [Float] {
        let key = RandomKey(1).mixed(name)
        return (0..<count).map { Float(key.normal($0)) }
    }

    private static func doubles(_ values: [Float]) -> [Double] {
        values.map(Double.init)
    }

    private static func checks(_ table: retort_kernels) -> [KernelCheck] {
        let level = String(cString: table.name)
        let x = numbers("x", rows * width)
        let (gamma, beta) = (numbers("gamma", width), numbers("beta", width))
        func check(_ kernel: String, _ tolerance: Double, _ found: [Float], _ expected: [Double]) -> KernelCheck {
            KernelCheck(kernel: kernel, level: level, error: difference(found, expected), tolerance: tolerance)
        }

        var (gelu, geluTanh, relu) = (x, x, x)
        table.gelu(x, &gelu, x.count)
        table.gelu_tanh(x, &geluTanh, x.count)
        table.relu(x, &relu, x.count)
        var softmax = x
        table.softmax(&softmax, rows, width, 0.5)
        var (norm, mean, rstd) = (x, [Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
        table.layer_norm(x, gamma, beta, &norm, &mean, &rstd, rows, width, 1e-12)
        var (weights, first, second) = (x, [Float](repeating: 0, count: x.count), [Float](repeating: 0, count: x.count))
        let gradient = numbers("gradient", x.count)
        table.adamw(&weights, gradient, &first, &second, x.count, 1, 0.01, 0.9, 0.999, 1e-8, 0.1, 10, 1000)
        let stepped = zip(x, gradient).map { weight, gradient in
            Reference.adamW(
                .init(weight: Double(weight)), gradient: Double(gradient), step: 1, learningRate: 0.01,
                weightDecay: 0.1
            ).weight
        }
        var average = x
        table.approach(&average, gradient, x.count, 0.3)
        let approached = zip(x, gradient).map { Reference.approach(Double($0), Double($1), share: 0.3) }
        return [
            check("GELU", 2e-6, gelu, x.map { Reference.gelu(Double($0)) }),
            check("GELU with tanh", 2e-6, geluTanh, x.map { Reference.geluTanh(Double($0)) }),
            check("ReLU", 0, relu, x.map { Reference.relu(Double($0)) }),
            check("softmax", 1e-6, softmax, Reference.softmax(doubles(x), width: width, scale: 0.5)),
            check(
                "layer norm", 2e-5, norm,
                Reference.layerNorm(doubles(x), gamma: doubles(gamma), beta: doubles(beta), epsilon: 1e-12).y),
            check("AdamW", 1e-6, weights, stepped),
            check("moving average", 1e-6, average, approached),
            integerProduct(table, level, pairsFit: false), integerProduct(table, level, pairsFit: true),
        ]
    }

    /// The sums of bytes are exact at every level.
    private static func integerProduct(_ table: retort_kernels, _ level: String, pairsFit: Bool) -> KernelCheck {
        // Tiles of every level, whole ones and parts.
        let (m, k, n, zero) = (37, 132, 50, Int32(131))
        let key = RandomKey(2)
        let a = (0..<m * k).map { UInt8(truncatingIfNeeded: key.bits($0)) }
        let most = pairsFit ? 63 : 127
        let b = (0..<n * k).map { Int8(Int(key.mixed("b").bits($0) % UInt64(2 * most + 1)) - most) }
        var packed = [Int8](repeating: 0, count: (n + 15) / 16 * 16 * k)
        for column in 0..<n {
            for depth in 0..<k {
                packed[column / 16 * 16 * k + depth / 4 * 64 + column % 16 * 4 + depth % 4] = b[column * k + depth]
            }
        }
        // What is added is a number that the sum stays exact with.
        let added = (0..<m * n).map { Float($0 % 1000) }
        var sums = [Float](repeating: 0, count: m * n)
        let (ones, zeros) = ([Float](repeating: 1, count: max(m, n)), [Float](repeating: 0, count: n))
        let weightSums = (0..<n).map { column in b[column * k..<(column + 1) * k].reduce(Int32(0)) { $0 + Int32($1) } }
        weightSums.withUnsafeBufferPointer { weightSums in
            ones.withUnsafeBufferPointer { ones in
                zeros.withUnsafeBufferPointer { zeros in
                    var dequantization = retort_dequantization(
                        zero: zero, weight_sums: weightSums.baseAddress, factors: ones.baseAddress,
                        bias: zeros.baseAddress, pairs_fit: pairsFit ? 1 : 0)
                    table.linear_u8s8(a, k, packed, &dequantization, ones.baseAddress, 1, added, &sums, n, m, k, n)
                }
            }
        }
        let expected = (0..<m * n).map { index in
            (0..<k).reduce(Int32(added[index])) {
                $0 + (Int32(a[index / n * k + $1]) - zero) * Int32(b[index % n * k + $1])
            }
        }
        return KernelCheck(
            kernel: pairsFit ? "INT8 product of 7-bit weights" : "INT8 product", level: level,
            error: difference(sums, expected.map(Double.init)),
            tolerance: 0)
    }

    /// A · Bᵀ + bias on operands packed by the same table.
    private static func product(_ product: retort_product) -> KernelCheck {
        let (m, k, n) = (37, 65, 50)
        let precision: Precision = product.element == 2 ? .bfloat16 : .float32
        let (x, weight, bias) = (numbers("left", m * k), numbers("right", n * k), numbers("bias", n))
        let depth = precision.paddedDepth(k)
        // Floats enough for either element; what is not packed is NaN, and may not reach the result.
        var rows = [Float](repeating: .nan, count: (m + 15) / 16 * 16 * depth)
        var panels = [Float](repeating: .nan, count: (n + 15) / 16 * 16 * depth)
        var found = [Float](repeating: .nan, count: m * n)
        product.pack_rows(x, k, &rows, depth, m, k)
        product.pack_panels_transposed(weight, k, &panels, k, n)
        product.multiply(rows, depth, panels, depth * 16, &found, n, bias, m, k, n, 0)
        let expected = Reference.linear(
            held(x, precision), weight: held(weight, precision), bias: doubles(bias), input: k)
        return KernelCheck(
            kernel: "\(precision.rawValue) product", level: String(cString: product.name),
            error: difference(found, expected), tolerance: sumTolerance)
    }

    /// What models use: the instructions chosen for this processor, or OpenBLAS.
    private static func linear(_ precision: Precision) -> KernelCheck {
        let (m, k, n) = (37, 65, 29)
        let (x, weight) = (numbers("left", m * k), numbers("right", n * k))
        let found = Tape(recording: false, precision: precision).linear(
            Variable(constant: Tensor(x, shape: [m, k])), weight: Variable(constant: Tensor(weight, shape: [n, k])),
            bias: nil)
        let expected = Reference.linear(held(x, precision), weight: held(weight, precision), input: k)
        return KernelCheck(
            kernel: "\(precision.rawValue) linear layer", level: precision.instructions,
            error: difference(found.value.values, expected), tolerance: sumTolerance)
    }

    /// 65 products of normal numbers, their magnitudes adding up to less than 100: 16 · 2⁻²⁴ of that (see `ProductTests`).
    private static let sumTolerance = 1e-4

    /// What a packed operand holds.
    private static func held(_ values: [Float], _ precision: Precision) -> [Double] {
        precision == .bfloat16 ? values.map(Reference.bfloat16) : doubles(values)
    }

    private static func difference(_ found: [Float], _ expected: [Double]) -> Double {
        zip(found, expected).reduce(0) { largest, pair in
            // NaN counts as the largest error: it must not pass.
            let error = abs(Double(pair.0) - pair.1)
            return error.isNaN ? .infinity : max(largest, error)
        }
    }
}
