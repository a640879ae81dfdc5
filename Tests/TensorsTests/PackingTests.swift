import CKernels
import Tensors
import Testing

/// The layouts of `CProducts.h`, element by element. The operands end at a page that must not be read.
@Suite("Packed operands hold what they should, and nothing else is written")
struct PackingTests {
    /// Rows × depth: whole blocks of 16 and 32, their neighbours, one, nothing.
    private static let shapes = [
        (1, 1), (1, 33), (2, 16), (7, 31), (15, 32), (16, 50), (17, 15), (31, 97), (33, 7), (48, 48), (50, 129),
        (97, 17), (129, 2), (0, 5), (5, 0),
    ]

    /// Whether the packed elements are these, rounded, with nil where nothing may be written.
    private func holds(_ level: ProductLevel, _ buffer: PackedBuffer, _ expected: (Int) -> Float?) -> Bool {
        buffer.words.isIntact
            && buffer.values.enumerated().allSatisfy { index, found in
                guard let found, let value = expected(index) else { return found == nil && expected(index) == nil }
                let held = Float(level.held(value))
                if found.bitPattern == held.bitPattern || found.isNaN && held.isNaN { return true }
                // What the products take for a zero may be packed as one.
                return level.dropsSubnormals && value.isSubnormal && found == 0 && found.sign == value.sign
            }
    }

    private func checkRows(_ level: ProductLevel, _ a: Matrix, _ packing: RowPacking, misaligned: Bool) -> Bool {
        let (buffer, stride) = level.pack(a, packing, gap: 4, misaligned: misaligned)
        return holds(level, buffer) { index in
            let (row, k) = (index / stride, index % stride)
            guard row < a.rows, k < level.padded(a.columns) else { return nil }
            return k < a.columns ? a[row, k] : 0
        }
    }

    private func checkPanels(_ level: ProductLevel, _ b: Matrix, _ packing: PanelPacking, misaligned: Bool) -> Bool {
        let (buffer, panel) = level.pack(b, packing, misaligned: misaligned)
        let group = level.isBFloat16 ? 2 : 1
        return holds(level, buffer) { index in
            let inside = index % panel
            let k = inside / (16 * group) * group + inside % group
            let column = index / panel * 16 + inside / group % 16
            return k < b.rows && column < b.columns ? b[k, column] : 0
        }
    }

    @Test("Rows, from a matrix and from its transpose", arguments: ProductLevel.all)
    func rows(level: ProductLevel) {
        for (rows, depth) in Self.shapes {
            for packing in RowPacking.allCases {
                for misaligned in [false, true] {
                    #expect(
                        checkRows(level, Matrix(rows, depth, "a"), packing, misaligned: misaligned),
                        "\(rows) × \(depth), \(packing)")
                }
            }
        }
    }

    @Test("Panels, from a matrix, from its transpose and from rows", arguments: ProductLevel.all)
    func panels(level: ProductLevel) {
        for (width, depth) in Self.shapes {
            for packing in PanelPacking.allCases {
                for misaligned in [false, true] {
                    #expect(
                        checkPanels(level, Matrix(depth, width, "b"), packing, misaligned: misaligned),
                        "\(depth) × \(width), \(packing)")
                }
            }
        }
    }

    /// Float32 adds `depth` numbers to what was there: at most depth roundings of 2⁻²⁴ of the sum of the magnitudes.
    @Test("Sums on the way are those of the unrounded elements, added to what was there", arguments: ProductLevel.all)
    func sums(level: ProductLevel) {
        for (rows, depth) in Self.shapes {
            let (a, start) = (Matrix(rows, depth, "a"), normals(rows, "start"))
            let sums = FencedBuffer(start, misaligned: true)
            _ = level.pack(a, .transposed, sums: sums.pointer)
            for (row, found) in sums.values.enumerated() {
                let terms = [start[row]] + (0..<depth).map { a[row, $0] }
                let magnitude = terms.reduce(0) { $0 + abs(Double($1)) }
                #expect(
                    abs(Double(found) - terms.doubles.reduce(0, +)) <= Double(depth) * 0x1p-24 * magnitude,
                    "\(rows) × \(depth)")
            }
            #expect(sums.isIntact)
        }
    }

    @Test(
        "Rounding goes to the nearest, ties to even, through every way of packing",
        arguments: ProductLevel.all.filter(\.isBFloat16))
    func rounding(level: ProductLevel) {
        // Every bfloat16, the middle between it and the next, and the floats on both sides of the middle.
        let values = (0...UInt32(0xffff)).flatMap { high -> [Float] in
            [0, 0x7fff, 0x8000, 0x8001].map { Float(bitPattern: high << 16 | $0) }
        }
        let matrix = Matrix(rows: 64, columns: values.count / 64, values: values)
        for packing in RowPacking.allCases {
            #expect(checkRows(level, matrix, packing, misaligned: false), "\(packing)")
        }
        for packing in PanelPacking.allCases {
            #expect(checkPanels(level, matrix, packing, misaligned: false), "\(packing)")
        }
    }

    @Test("The reference rounds as the format is defined")
    func referenceRounding() {
        // 1 has neighbours at 1 ± 2⁻⁷ above and 2⁻⁸ below; the largest finite number is (2 − 2⁻⁷) · 2¹²⁷.
        #expect(Reference.bfloat16(1 + 0x1p-8) == 1)
        #expect(Reference.bfloat16(1 + 0x1.8p-7) == 1 + 0x1p-6)
        #expect(Reference.bfloat16((1 + 0x1p-8 as Float).nextUp) == 1 + 0x1p-7)
        #expect(Reference.bfloat16(-1.00390625 + 0x1p-9) == -1)
        #expect(Reference.bfloat16(0x1.fep127) == 0x1.fep127)
        #expect(Reference.bfloat16((0x1.ffp127 as Float).nextDown) == 0x1.fep127)
        #expect(Reference.bfloat16(0x1.ffp127) == .infinity && Reference.bfloat16(-0x1.ffp127) == -.infinity)
        #expect(Reference.bfloat16(.greatestFiniteMagnitude) == .infinity && Reference.bfloat16(.infinity) == .infinity)
        #expect(Reference.bfloat16(.nan).isNaN)
        #expect(Reference.bfloat16(0x1p-133) == 0x1p-133 && Reference.bfloat16(0x1p-134) == 0)
        #expect(Reference.bfloat16(0x1.8p-133) == 0x1p-132 && Reference.bfloat16(-0.0).sign == .minus)
    }
}
