import CHDF5

/// Adds rows to the end of a dataset that `HDF5Writer.createRows` made.
public final class HDF5RowAppender<Element: HDF5Element> {
    /// Rows written so far.
    public private(set) var rows = 0
    private var dataset: HDF5Handle
    private let rowShape: [Int]
    private let place: HDF5Place
    private let outcome: HDF5Outcome

    init(dataset: consuming HDF5Handle, rowShape: [Int], _ place: HDF5Place, _ outcome: HDF5Outcome) {
        self.dataset = dataset
        self.rowShape = rowShape
        self.place = place
        self.outcome = outcome
    }

    deinit {
        HDF5Library.locked {
            do {
                try dataset.close(place)
            } catch {
                outcome.failure = error
            }
        }
    }

    /// Appends whole rows, one after another in `values`.
    public func append(_ values: UnsafeBufferPointer<Element>) throws {
        let rowCount = rowShape.reduce(1, *)
        precondition(values.count % rowCount == 0, "\(values.count) values are not whole rows of shape \(rowShape)")
        let added = values.count / rowCount
        guard added > 0 else { return }
        let extents = ([rows + added] + rowShape).map { hsize_t($0) }
        let start = [hsize_t(rows)] + rowShape.map { _ in 0 }
        let count = ([added] + rowShape).map { hsize_t($0) }
        try HDF5Library.locked {
            let failure = "cannot append rows"
            try place.check(H5Dset_extent(dataset.id, extents), failure)
            let memory = try HDF5Handle(
                H5Screate_simple(Int32(count.count), count, nil), H5Sclose, place, failure)
            let stored = try HDF5Handle(H5Dget_space(dataset.id), H5Sclose, place, failure)
            try place.check(H5Sselect_hyperslab(stored.id, H5S_SELECT_SET, start, nil, count, nil), failure)
            let type = try Element.hdf5(place)
            try place.check(H5Dwrite(dataset.id, type, memory.id, stored.id, 0, values.baseAddress), failure)
        }
        rows += added
    }

    /// Appends whole rows from an array.
    public func append(_ values: [Element]) throws {
        try values.withUnsafeBufferPointer { try append($0) }
    }
}

/// What went wrong where nobody could be told: the file is not whole then.
final class HDF5Outcome {
    /// Read and set with the library locked.
    var failure: (any Error)?
}
