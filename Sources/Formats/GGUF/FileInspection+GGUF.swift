import Foundation

extension FileInspection {
    init(_ file: GGUFFile) {
        format = .gguf
        tensors = file.tensors.map { Tensor($0.name, $0.tensor) }
        let parameters = file.tensors.reduce(0.0) { $0 + Double($1.tensor.count) }
        let bytes = file.tensors.reduce(0.0) { $0 + Double($1.tensor.bytes.count) }
        metadata = [Property(name: "parameters", value: String(format: "%.0f", parameters))]
        if parameters > 0 {
            metadata.append(Property(name: "bytes_per_weight", value: String(format: "%.3f", bytes / parameters)))
        }
        metadata += file.metadata.map { Property(name: $0.key, value: $0.value.description) }
    }
}
