import CKernels

/// The left operand A: [m, k] of a matrix product, in the form that its kernels read (see `CProducts.h`).
struct ProductRows {
    let precision: Precision
    let rows: Int
    let depth: Int
    /// Elements from row to row.
    let stride: Int
    /// Only OpenBLAS reads transposed matrices; then `stride` lies between the rows of Aᵀ.
    let isTransposed: Bool
    private let storage: Storage
    private let firstElement: Int

    /// The first element of A, or of Aᵀ.
    var pointer: UnsafeRawPointer { UnsafeRawPointer(element(0)) }

    /// A = x: [m, k]; float32 is read where it lies.
    init(_ x: Tensor, _ precision: Precision) {
        switch precision {
        case .float32: self.init(viewing: x)
        case .bfloat16:
            self.init(empty: x.rows, x.width, precision)
            Threads.forEachChunk(of: rows, grain: max(1, (1 << 16) / max(depth, 1))) {
                pack($0, from: x.pointer + $0.lowerBound * depth, stride: depth)
            }
        }
    }

    /// A = xᵀ of x: [k, m], as OpenBLAS reads it: where it lies.
    init(viewingTransposed x: Tensor) {
        self.init(
            precision: .float32, rows: x.width, depth: x.rows, stride: x.width, isTransposed: true, storage: x.storage)
    }

    /// A = Bᵀ for some columns of B's packed rows: [columns, B's rows].
    init(transposing columns: Range<Int>, of rows: ProductRows) {
        guard !rows.precision.usesBLAS else {
            self.init(
                precision: .float32, rows: columns.count, depth: rows.rows, stride: rows.stride, isTransposed: true,
                storage: rows.storage, firstElement: rows.firstElement + columns.lowerBound)
            return
        }
        let element = Int(rows.precision.product.element)
        self.init(empty: columns.count, rows.rows, rows.precision)
        let product = precision.product
        Threads.forEachChunk(of: (columns.count + 15) / 16, grain: max(1, (1 << 12) / max(depth, 1))) { blocks in
            let start = blocks.lowerBound * 16
            product.pack_rows_transposed_of_rows(
                rows.pointer + (columns.lowerBound + start) * element, rows.stride, self.element(start), stride,
                min(blocks.upperBound * 16, columns.count) - start, rows.rows)
        }
    }

    /// Room for m × k elements, to be filled by `pack`.
    init(empty rows: Int, _ depth: Int, _ precision: Precision) {
        let stride = Self.stride(depth, precision)
        let count = (rows + 15) / 16 * 16 * stride
        self.init(
            precision: precision, rows: rows, depth: depth, stride: stride, isTransposed: false,
            storage: Storage(count: precision.floats(count)))
    }

    private init(viewing x: Tensor) {
        self.init(
            precision: .float32, rows: x.rows, depth: x.width, stride: x.width, isTransposed: false, storage: x.storage)
    }

    /// Some of the rows, in the same memory.
    func part(_ range: Range<Int>) -> ProductRows {
        ProductRows(
            precision: precision, rows: range.count, depth: depth, stride: stride, isTransposed: false,
            storage: storage,
            firstElement: firstElement + range.lowerBound * stride)
    }

    private init(
        precision: Precision, rows: Int, depth: Int, stride: Int, isTransposed: Bool, storage: Storage,
        firstElement: Int = 0
    ) {
        self.firstElement = firstElement
        self.precision = precision
        self.rows = rows
        self.depth = depth
        self.stride = stride
        self.isTransposed = isTransposed
        self.storage = storage
    }

    /// Fills some rows from as many rows of floats, `stride` apart.
    func pack(_ range: Range<Int>, from x: UnsafePointer<Float>, stride: Int) {
        precision.product.pack_rows(x, stride, element(range.lowerBound), self.stride, range.count, depth)
    }

    /// Fills the columns `range` of all rows from as many rows of floats, each one column of A, and adds each row's sum over
    /// them to `sums`: [m]. The range begins at a multiple of 32.
    func packTransposed(
        _ range: Range<Int>, from x: UnsafePointer<Float>, stride: Int, addingSumsTo sums: UnsafeMutablePointer<Float>
    ) {
        let product = precision.product
        product.pack_rows_transposed(
            x, stride, element(0) + range.lowerBound * Int(product.element), self.stride, rows, range.count, sums)
    }

    /// Where row `row` begins.
    private func element(_ row: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(storage.pointer) + (firstElement + row * stride) * Int(precision.product.element)
    }

    /// Rows are padded to 32 elements, and off multiples of 512, at which rows would fall on the same cache sets.
    private static func stride(_ depth: Int, _ precision: Precision) -> Int {
        let padded = (depth + 31) / 32 * 32
        return padded % 512 == 0 ? padded + 32 : padded
    }
}

/// The right operand B: [k, n] of a matrix product, in panels of 16 columns (see `CProducts.h`).
struct ProductPanels {
    let precision: Precision
    let depth: Int
    let width: Int
    /// Only OpenBLAS reads plain matrices: B itself, or Bᵀ if `isTransposed`.
    let isPlain: Bool
    let isTransposed: Bool
    private let storage: Storage

    var pointer: UnsafeRawPointer { UnsafeRawPointer(storage.pointer) }
    /// Elements from panel to panel.
    var panel: Int { precision.paddedDepth(depth) * 16 }

    /// B = x: [k, n].
    init(_ x: Tensor, _ precision: Precision) {
        self.init(x, depth: x.rows, width: x.width, isTransposed: false, precision)
        guard !isPlain else { return }
        let product = precision.product
        forEachPanelRange { panels, start, count in
            product.pack_panels(x.pointer + start, x.width, panels, x.rows, count)
        }
    }

    /// B = xᵀ of x: [n, k].
    init(transposing x: Tensor, _ precision: Precision) {
        self.init(x, depth: x.width, width: x.rows, isTransposed: true, precision)
        guard !isPlain else { return }
        let product = precision.product
        forEachPanelRange { panels, start, count in
            product.pack_panels_transposed(x.pointer + start * x.width, x.width, panels, x.width, count)
        }
    }

    /// B = A, from rows that are packed already: [k, n].
    init(of rows: ProductRows) {
        self.init(depth: rows.rows, width: rows.depth, precision: rows.precision)
        let product = precision.product
        let element = Int(product.element)
        forEachPanelRange { panels, start, count in
            product.pack_panels_of_rows(rows.pointer + start * element, rows.stride, panels, rows.rows, count)
        }
    }

    private init(_ x: Tensor, depth: Int, width: Int, isTransposed: Bool, _ precision: Precision) {
        self.precision = precision
        self.depth = depth
        self.width = width
        isPlain = precision.usesBLAS
        self.isTransposed = isPlain && isTransposed
        storage = isPlain ? x.storage : Self.storage(depth, width, precision)
    }

    private init(depth: Int, width: Int, precision: Precision) {
        self.precision = precision
        self.depth = depth
        self.width = width
        isPlain = false
        isTransposed = false
        storage = Self.storage(depth, width, precision)
    }

    private static func storage(_ depth: Int, _ width: Int, _ precision: Precision) -> Storage {
        let count = (width + 15) / 16 * 16 * precision.paddedDepth(depth)
        return Storage(count: precision.floats(count))
    }

    /// Calls `pack(first panel's memory, first column, columns)` for ranges of panels, spread over the threads.
    private func forEachPanelRange(_ pack: (UnsafeMutableRawPointer, Int, Int) -> Void) {
        let bytes = panel * Int(precision.product.element)
        let memory = UnsafeMutableRawPointer(storage.pointer)
        Threads.forEachChunk(of: (width + 15) / 16, grain: max(1, (1 << 12) / max(depth, 1))) { panels in
            let start = panels.lowerBound * 16
            pack(memory + panels.lowerBound * bytes, start, min(panels.upperBound * 16, width) - start)
        }
    }
}

/// The packed forms of one tensor, made when they are first asked for and shared by all products that use it.
///
/// A weight's forms last until the weight changes, so they are made once per step. Invariant for
/// `@unchecked Sendable`: used by the thread that builds or walks the tape alone.
public final class PackedForms: @unchecked Sendable {
    private var rows: ProductRows?
    private var panels: ProductPanels?
    private var transposedPanels: ProductPanels?

    public init() {}

    /// x as a left operand.
    func rows(of x: @autoclosure () -> Tensor, _ precision: Precision) -> ProductRows {
        if let rows, rows.precision == precision { return rows }
        let made = Profile.measure(.gemm) { ProductRows(x(), precision) }
        rows = made
        return made
    }

    /// Takes over rows that an operation has packed on the way.
    func adopt(_ rows: ProductRows) {
        self.rows = rows
    }

    /// x as a right operand, once its rows have been made.
    func panelsOfRows() -> ProductPanels {
        if let panels, panels.precision == rows!.precision { return panels }
        let made = Profile.measure(.gemm) { ProductPanels(of: rows!) }
        panels = made
        return made
    }

    /// x as a right operand.
    func panels(of x: Tensor, _ precision: Precision) -> ProductPanels {
        if let panels, panels.precision == precision { return panels }
        let made = Profile.measure(.gemm) { ProductPanels(x, precision) }
        panels = made
        return made
    }

    /// xᵀ as a right operand.
    func transposedPanels(of x: @autoclosure () -> Tensor, _ precision: Precision) -> ProductPanels {
        if let transposedPanels, transposedPanels.precision == precision { return transposedPanels }
        let made = Profile.measure(.gemm) { ProductPanels(transposing: x(), precision) }
        transposedPanels = made
        return made
    }

    /// Makes what `Tape.linear` multiplies with when x is its weight.
    ///
    /// - Returns: whether that is all that it needs: OpenBLAS reads x itself.
    public func pack(weight x: Tensor, _ precision: Precision) -> Bool {
        !transposedPanels(of: x, precision).isPlain
    }
}
