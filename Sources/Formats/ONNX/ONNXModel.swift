import Files
public import Foundation
import SwiftProtobuf

/// An ONNX model, with what lies in the files beside it (https://github.com/onnx/onnx/blob/main/docs/IR.md).
public struct ONNXModel: Sendable {
    /// An input or output of the graph.
    public struct Value: Equatable, Sendable {
        public var name: String
        /// Nil if the value is not a tensor, or one whose elements are not read.
        public var type: ElementType?
        /// Nil if the rank is unknown.
        public var shape: [ONNXDimension]?
    }

    /// One operation. Values are passed by name; an input with an empty name is left out.
    public struct Node: Equatable, Sendable {
        public var name: String
        public var operation: String
        /// Empty for the standard operators.
        public var domain: String
        public var inputs: [String]
        public var outputs: [String]
        public var attributes: [String: ONNXAttribute]
    }

    public let irVersion: Int
    /// Version of each operator set by its domain; the standard one has the empty domain.
    public let operatorSets: [String: Int]
    public let producer: String
    public let metadata: [String: String]
    public let inputs: [Value]
    public let outputs: [Value]
    public let nodes: [Node]
    public let initializers: [(name: String, tensor: StoredTensor)]

    /// - Throws: `InputError` naming the file and the tensor, node or key that is wrong.
    public init(reading url: URL) throws {
        try self.init(MappedFile.data(at: url), file: url.path, directory: url.deletingLastPathComponent())
    }

    /// Reads a model from memory.
    ///
    /// - Parameter file: named in errors.
    public init(parsing bytes: Data, file: String) throws {
        try self.init(bytes, file: file, directory: nil)
    }

    /// - Parameter directory: where constants may lie that are not in the model.
    private init(_ bytes: Data, file: String, directory: URL?) throws {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: bytes, options: options)
        } catch {
            throw InputError(
                file: file, problem: "not an ONNX model, or a damaged one: \(error)",
                remedy: "download or export the file again")
        }
        guard model.hasGraph, model.irVersion > 0 else {
            throw InputError(
                file: file, problem: "not an ONNX model: it has no \(model.hasGraph ? "version" : "graph")")
        }
        irVersion = Int(model.irVersion)
        producer = [model.producerName, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        operatorSets = try Self.unique(model.opsetImport.map { ($0.domain, Int($0.version)) }, "operator set", file)
        metadata = try Self.unique(model.metadataProps.map { ($0.key, $0.value) }, "metadata key", file)
        inputs = model.graph.input.map(Value.init)
        outputs = model.graph.output.map(Value.init)
        nodes = try model.graph.node.map { try Node($0, file: file) }
        initializers = try model.graph.initializer.map { tensor in
            try Self.naming(file, tensor.name) { (tensor.name, try StoredTensor(tensor, beside: directory)) }
        }
        _ = try Self.unique(initializers.map { ($0.name, ()) }, "initializer", file)
    }

    /// The initializer of that name, or nil.
    public func initializer(_ name: String) -> StoredTensor? {
        initializers.first { $0.name == name }?.tensor
    }

    private static func unique<Element>(_ pairs: [(String, Element)], _ kind: String, _ file: String) throws
        -> [String: Element]
    {
        var dictionary: [String: Element] = [:]
        for (name, value) in pairs {
            guard dictionary.updateValue(value, forKey: name) == nil else {
                throw InputError(file: file, field: name, problem: "the \(kind) is given twice")
            }
        }
        return dictionary
    }

    fileprivate static func naming<Result>(_ file: String, _ field: String, _ body: () throws -> Result) throws
        -> Result
    {
        do {
            return try body()
        } catch let error as InputError {
            throw InputError(file: file, field: field, problem: error.problem, remedy: error.remedy)
        }
    }
}

extension ONNXModel.Value {
    fileprivate init(_ message: Onnx_ValueInfoProto) {
        name = message.name
        guard case .tensorType(let tensor)? = message.type.value else { return }
        type = ElementType(onnx: tensor.elemType)
        guard tensor.hasShape else { return }
        shape = tensor.shape.dim.map { dimension in
            switch dimension.value {
            case .dimValue(let extent): .fixed(Int(extent))
            case .dimParam(let name): .named(name)
            case nil: .named("")
            }
        }
    }
}

extension ONNXModel.Node {
    fileprivate init(_ message: Onnx_NodeProto, file: String) throws {
        name = message.name
        operation = message.opType
        domain = message.domain
        inputs = message.input
        outputs = message.output
        attributes = [:]
        let shown = name.isEmpty ? operation : name
        for attribute in message.attribute {
            let value = try ONNXModel.naming(file, "\(shown).\(attribute.name)") { try ONNXAttribute(attribute) }
            guard attributes.updateValue(value, forKey: attribute.name) == nil else {
                throw InputError(file: file, field: shown, problem: "the attribute '\(attribute.name)' is given twice")
            }
        }
    }
}
