import CKernels
import Tensors
import Testing

/// One table of matrix products that this processor can run.
struct ProductLevel: Sendable, CustomTestStringConvertible {
    let index: Int

    static let all: [ProductLevel] = {
        var count = 0
        _ = retort_products_all(&count)
        return (0..<count).map(ProductLevel.init)
    }()

    var product: retort_product {
        var count = 0
        return retort_products_all(&count)![index]!.pointee
    }

    var isBFloat16: Bool { product.element == 2 }
    var element: String { isBFloat16 ? "bfloat16" : "float32" }
    var name: String { String(cString: product.name) }
    var testDescription: String { element + " " + name }

    /// Whether the processor's own instructions multiply, which take subnormals for zeros.
    var dropsSubnormals: Bool { isBFloat16 && ["avx512-bf16", "amx"].contains(name) }

    /// What a packed operand holds of x.
    func held(_ x: Float) -> Double { isBFloat16 ? Reference.bfloat16(x) : Double(x) }

    /// The depth that packed operands have room for.
    func padded(_ depth: Int) -> Int { isBFloat16 ? (depth + 31) / 32 * 32 : depth }
}

/// A row-major matrix.
struct Matrix {
    let rows: Int
    let columns: Int
    var values: [Float]

    init(rows: Int, columns: Int, values: [Float]) {
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// Normal numbers that depend on the name alone.
    init(_ rows: Int, _ columns: Int, _ name: String) {
        self.init(rows: rows, columns: columns, values: normals(rows * columns, name))
    }

    subscript(row: Int, column: Int) -> Float {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    var transposed: Matrix {
        Matrix(
            rows: columns, columns: rows,
            values: (0..<columns).flatMap { column in (0..<rows).map { self[$0, column] } })
    }

    /// The matrix with `gap` elements of filling between its rows, and nothing after its last element.
    func fenced(gap: Int = 0, filling: Float = .nan, misaligned: Bool = false) -> FencedBuffer<Float> {
        let filler = [Float](repeating: filling, count: gap)
        let spread = (0..<rows).flatMap { values[$0 * columns..<($0 + 1) * columns] + filler }
        return FencedBuffer(Array(spread.dropLast(rows > 0 ? gap : 0)), misaligned: misaligned)
    }
}

/// Memory of a packed operand, full of NaN at first: in words of 32 bits, either one float32 or two bfloat16, the earlier
/// one in the lower half.
struct PackedBuffer {
    let isBFloat16: Bool
    let words: FencedBuffer<UInt32>
    /// A signalling NaN as float32 and as each of two bfloat16, which rounding never makes.
    private static let filler: UInt32 = 0x7f83_7f83

    init(_ count: Int, _ level: ProductLevel, misaligned: Bool = false) {
        isBFloat16 = level.isBFloat16
        let words = [UInt32](repeating: Self.filler, count: isBFloat16 ? (count + 1) / 2 : count)
        self.words = FencedBuffer(words, misaligned: misaligned)
    }

    var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(words.pointer) }

    /// Where element `index` lies.
    func element(_ index: Int) -> UnsafeMutableRawPointer { pointer + index * (isBFloat16 ? 2 : 4) }

    /// The elements as numbers; nil where nothing was written.
    var values: [Float?] {
        words.values.flatMap { word -> [Float?] in
            let parts = isBFloat16 ? [word << 16, word & 0xffff_0000] : [word]
            let untouched = isBFloat16 ? Self.filler << 16 : Self.filler
            return parts.map { $0 == untouched ? nil : Float(bitPattern: $0) }
        }
    }
}

/// How a left operand is packed.
enum RowPacking: CaseIterable {
    case rows, transposed, transposedOfRows
}

/// How a right operand is packed.
enum PanelPacking: CaseIterable {
    case panels, transposed, ofRows
}

extension ProductLevel {
    /// A as a left operand; the surplus rows of bfloat16 and what lies between the rows stay NaN.
    ///
    /// - Parameters:
    ///   - gap: what the stride has beyond the padded depth.
    ///   - sums: takes the sums that packing a transposed matrix makes on the way.
    func pack(
        _ a: Matrix, _ packing: RowPacking, gap: Int = 0, sums: UnsafeMutablePointer<Float>? = nil,
        misaligned: Bool = false
    ) -> (buffer: PackedBuffer, stride: Int) {
        let stride = padded(a.columns) + gap
        let rows = isBFloat16 ? (a.rows + 15) / 16 * 16 : a.rows
        let buffer = PackedBuffer(max(rows * stride - gap, 0), self, misaligned: misaligned)
        switch packing {
        case .rows:
            let x = a.fenced(gap: 3, misaligned: misaligned)
            product.pack_rows(x.pointer, a.columns + 3, buffer.pointer, stride, a.rows, a.columns)
        case .transposed:
            let x = a.transposed.fenced(gap: 5, misaligned: misaligned)
            product.pack_rows_transposed(x.pointer, a.rows + 5, buffer.pointer, stride, a.rows, a.columns, sums)
        case .transposedOfRows:
            let (x, spacing) = pack(a.transposed, .rows, gap: 2, misaligned: misaligned)
            product.pack_rows_transposed_of_rows(x.pointer, spacing, buffer.pointer, stride, a.rows, a.columns)
        }
        return (buffer, stride)
    }

    /// B as a right operand.
    func pack(_ b: Matrix, _ packing: PanelPacking, misaligned: Bool = false) -> (buffer: PackedBuffer, panel: Int) {
        let panel = padded(b.rows) * 16
        let buffer = PackedBuffer((b.columns + 15) / 16 * panel, self, misaligned: misaligned)
        switch packing {
        case .panels:
            let x = b.fenced(gap: 3, misaligned: misaligned)
            product.pack_panels(x.pointer, b.columns + 3, buffer.pointer, b.rows, b.columns)
        case .transposed:
            let x = b.transposed.fenced(gap: 5, misaligned: misaligned)
            product.pack_panels_transposed(x.pointer, b.rows + 5, buffer.pointer, b.rows, b.columns)
        case .ofRows:
            let (rows, stride) = pack(b, .rows, gap: 2, misaligned: misaligned)
            product.pack_panels_of_rows(rows.pointer, stride, buffer.pointer, b.rows, b.columns)
        }
        return (buffer, panel)
    }

    /// The same panels, each followed by `gap` elements of NaN.
    func spread(_ panels: (buffer: PackedBuffer, panel: Int), by gap: Int) -> (buffer: PackedBuffer, panel: Int) {
        let (source, panel) = panels
        let element = isBFloat16 ? 2 : 4
        let count = panel == 0 ? 0 : source.words.count * 4 / element / panel
        let target = PackedBuffer(max(count * (panel + gap) - gap, 0), self)
        for index in 0..<count {
            target.element(index * (panel + gap)).copyMemory(
                from: source.element(index * panel), byteCount: panel * element)
        }
        return (target, panel + gap)
    }
}
