import Files
import Foundation
import SwiftProtobuf

/// A named setting of an ONNX node.
public enum ONNXAttribute: Equatable, Sendable {
    case float(Float)
    case int(Int64)
    case string(String)
    case tensor(StoredTensor)
    case floats([Float])
    case ints([Int64])
    case strings([String])
    /// A kind that is not read, such as the graph of a branch.
    case other(String)
}

/// One extent of a graph input or output: a number, or a name for what the caller chooses.
public enum ONNXDimension: Equatable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case fixed(Int)
    /// Equal names stand for equal extents; an unknown extent has the empty name.
    case named(String)

    public init(integerLiteral value: Int) {
        self = .fixed(value)
    }

    public init(stringLiteral value: String) {
        self = .named(value)
    }
}

extension ONNXAttribute {
    init(_ message: Onnx_AttributeProto) throws {
        switch message.type {
        case .float: self = .float(message.f)
        case .int: self = .int(message.i)
        case .string: self = .string(try Self.text(message.s))
        case .tensor: self = .tensor(try StoredTensor(message.t))
        case .floats: self = .floats(message.floats)
        case .ints: self = .ints(message.ints)
        case .strings: self = .strings(try message.strings.map(Self.text))
        case .undefined, .graph, .tensors, .graphs, .sparseTensor, .sparseTensors, .typeProto, .typeProtos:
            self = .other("\(message.type)")
        }
    }

    /// The attribute as ONNX stores it. `other` came from a file that is only looked at, and cannot be written.
    func message(named name: String) throws -> Onnx_AttributeProto {
        var message = Onnx_AttributeProto()
        message.name = name
        switch self {
        case .float(let value):
            message.type = .float
            message.f = value
        case .int(let value):
            message.type = .int
            message.i = value
        case .string(let value):
            message.type = .string
            message.s = Data(value.utf8)
        case .tensor(let value):
            message.type = .tensor
            message.t = value.message(named: "")
        case .floats(let values):
            message.type = .floats
            message.floats = values
        case .ints(let values):
            message.type = .ints
            message.ints = values
        case .strings(let values):
            message.type = .strings
            message.strings = values.map { Data($0.utf8) }
        case .other(let kind):
            throw InputError(field: name, problem: "an attribute of the kind \(kind) cannot be written")
        }
        return message
    }

    private static func text(_ bytes: Data) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InputError(problem: "a string attribute is not UTF-8")
        }
        return text
    }
}
