import Files
import Foundation
import SwiftProtobuf

extension ElementType {
    /// The number that ONNX gives the type (`TensorProto.DataType`), or nil for the block formats, which it has not.
    var onnx: Onnx_TensorProto.DataType? {
        switch self {
        case .float64: .double
        case .float32: .float
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int64: .int64
        case .int32: .int32
        case .int16: .int16
        case .int8: .int8
        case .uint64: .uint64
        case .uint32: .uint32
        case .uint16: .uint16
        case .uint8: .uint8
        case .bool: .bool
        case .q80, .q51, .q50, .q41, .q40, .q6K, .q4K: nil
        }
    }

    /// Nil for types that are not read, such as strings and four-bit integers.
    init?(onnx code: Int32) {
        guard let type = Self.plain.first(where: { $0.onnx.map { Int32($0.rawValue) } == code }) else { return nil }
        self = type
    }
}

extension StoredTensor {
    /// The bytes as ONNX stores them, in `raw_data`.
    func message(named name: String) -> Onnx_TensorProto {
        var message = Onnx_TensorProto()
        message.dims = shape.map(Int64.init)
        message.dataType = Int32((type.onnx ?? .undefined).rawValue)
        message.name = name
        message.rawData = bytes
        return message
    }

    /// - Parameter directory: where data may lie that is not in the message.
    /// - Throws: `InputError` if the type is not read, the data lies elsewhere, or it does not fill the shape.
    init(_ message: Onnx_TensorProto, beside directory: URL? = nil) throws {
        guard let type = ElementType(onnx: message.dataType) else {
            let name = Onnx_TensorProto.DataType(rawValue: Int(message.dataType)).map { "\($0)" } ?? "unknown"
            throw InputError(problem: "the element type \(message.dataType) (\(name)) is not read")
        }
        let isExternal = message.dataLocation == .external || !message.externalData.isEmpty
        let bytes =
            isExternal
            ? try ONNXExternalData.bytes(of: message, beside: directory)
            : message.hasRawData ? message.rawData : try Self.typedData(message, type)
        try self.init(type: type, shape: message.dims.map { Int($0) }, bytes: bytes)
    }

    /// The bytes of the typed fields that ONNX allows in place of `raw_data`: small integers and halves come in
    /// `int32_data`, unsigned ones of 32 and 64 bits in `uint64_data`.
    private static func typedData(_ message: Onnx_TensorProto, _ type: ElementType) throws -> Data {
        switch type {
        case .float32: bytes(message.floatData)
        case .float64: bytes(message.doubleData)
        case .int64: bytes(message.int64Data)
        case .int32: bytes(message.int32Data)
        case .int16: bytes(try narrowed(message.int32Data) as [Int16])
        case .int8: bytes(try narrowed(message.int32Data) as [Int8])
        case .uint16, .float16, .bfloat16: bytes(try narrowed(message.int32Data) as [UInt16])
        case .uint8, .bool: bytes(try narrowed(message.int32Data) as [UInt8])
        case .uint64: bytes(message.uint64Data)
        case .uint32: bytes(try narrowed(message.uint64Data) as [UInt32])
        case .q80, .q51, .q50, .q41, .q40, .q6K, .q4K: Data()
        }
    }

    private static func bytes<Element: BitwiseCopyable>(_ values: [Element]) -> Data {
        values.withUnsafeBytes { Data($0) }
    }

    private static func narrowed<Wide: BinaryInteger, Narrow: FixedWidthInteger>(_ values: [Wide]) throws -> [Narrow] {
        try values.map { value in
            guard let narrow = Narrow(exactly: value) else {
                throw InputError(problem: "the element \(value) does not fit its type")
            }
            return narrow
        }
    }
}
