import Formats
import Foundation

/// What a checkpoint's file holds, to be changed and written again.
final class HDF5Copy {
    var attributes: [String: HDF5Attribute] = [:]
    var floats: [String: (values: [Float], shape: [Int])] = [:]
    var bytes: [String: [UInt8]] = [:]

    /// Reads the file, lets `change` change it, and writes it back.
    static func rewrite(_ url: URL, _ change: (HDF5Copy) throws -> Void) throws {
        let copy = HDF5Copy()
        let file = try HDF5File(reading: url)
        for name in try file.attributeNames() { copy.attributes[name] = try file.attribute(name) }
        func visit(_ group: String) throws {
            for link in try file.links(in: group) {
                let path = group == "/" ? link.name : "\(group)/\(link.name)"
                if link.kind == .group {
                    try visit(path)
                } else if group == "/" {
                    copy.bytes[path] = try file.dataset(path).read(UInt8.self)
                } else {
                    let dataset = try file.dataset(path)
                    copy.floats[path] = (try dataset.read(Float.self), dataset.shape)
                }
            }
        }
        try visit("/")
        try change(copy)
        try HDF5File.create(at: url) { file in
            for (name, value) in copy.attributes { try file.setAttribute(name, to: value) }
            for (path, values) in copy.bytes { try file.write(values, shape: [values.count], to: path) }
            for (path, dataset) in copy.floats {
                let count = dataset.shape.reduce(1, *)
                try file.write(Array(dataset.values.prefix(count)), shape: dataset.shape, to: path)
            }
        }
    }
}
