import Files
public import Foundation
import SwiftProtobuf

/// Builds an ONNX model: IR version 8, operator set 17.
///
/// Every method that makes a value returns its name. A name that is taken gets a number (`query`, `query_2`, …), so
/// that callers may use the same readable one in each layer. The same calls give the same bytes.
///
///     var graph = ONNXGraphBuilder(name: "classifier")
///     let x = graph.input("x", .float32, ["batch", 384])
///     let w = graph.initializer("weight", .float32(shape: [384, 2], weight))
///     graph.output(graph.node("MatMul", [x, w], name: "logits"), .float32, ["batch", 2])
///     try graph.write(to: url)
public struct ONNXGraphBuilder: Sendable {
    /// What written files name as the program that made them.
    public static let producer = "retort"
    /// Of the standard operators.
    public static let operatorSet = 17

    private var graph = Onnx_GraphProto()
    private var operatorSets: [String: Int] = ["": Self.operatorSet]
    private var metadata: [String: String] = [:]
    private var values: Set<String> = [""]
    private var nodeNames: Set<String> = [""]
    private var suffixes: [String: Int] = [:]
    /// What went wrong while building; thrown when the model is serialized, so that building reads as a description.
    private var problems: [InputError] = []

    public init(name: String) {
        graph.name = name
    }

    /// Adds an input that the caller of the model supplies.
    public mutating func input(_ name: String, _ type: ElementType, _ shape: [ONNXDimension]) -> String {
        if !values.insert(name).inserted {
            problems.append(InputError(field: name, problem: "the graph has two inputs of this name, or it is empty"))
        }
        requireONNX(type, name)
        graph.input.append(Self.value(name, type, shape))
        return name
    }

    /// Makes the value `name` a result of the model, under that name.
    public mutating func output(_ name: String, _ type: ElementType, _ shape: [ONNXDimension]) {
        if name.isEmpty || !values.contains(name) {
            problems.append(InputError(field: name, problem: "the graph's output is made by no node"))
        }
        if graph.output.contains(where: { $0.name == name }) {
            problems.append(InputError(field: name, problem: "the graph has two outputs of this name"))
        }
        requireONNX(type, name)
        graph.output.append(Self.value(name, type, shape))
    }

    /// Adds a constant.
    public mutating func initializer(_ name: String, _ tensor: StoredTensor) -> String {
        let name = Self.unique(name, in: &values, &suffixes)
        requireONNX(tensor.type, name)
        graph.initializer.append(tensor.message(named: name))
        return name
    }

    /// Adds an operation with one result.
    ///
    /// - Parameters:
    ///   - operation: the operator's name, such as `MatMul`.
    ///   - inputs: values made before; the empty string leaves out an optional input.
    ///   - name: names the node and its result; the operator's name unless given.
    ///   - domain: empty for standard operators; others are taken from version 1 of their set.
    public mutating func node(
        _ operation: String, _ inputs: [String], name: String? = nil, attributes: [String: ONNXAttribute] = [:],
        domain: String = ""
    ) -> String {
        node(operation, inputs, outputs: [name ?? operation], attributes: attributes, domain: domain)[0]
    }

    /// Adds an operation with several results, which `outputs` names; the first also names the node.
    public mutating func node(
        _ operation: String, _ inputs: [String], outputs: [String], attributes: [String: ONNXAttribute] = [:],
        domain: String = ""
    ) -> [String] {
        precondition(!outputs.isEmpty, "\(operation) without a result")
        var node = Onnx_NodeProto()
        node.opType = operation
        node.name = Self.unique(outputs[0], in: &nodeNames, &suffixes)
        node.input = inputs
        for input in inputs where !values.contains(input) {
            problems.append(InputError(field: node.name, problem: "its input '\(input)' is made by nothing before it"))
        }
        if !domain.isEmpty {
            node.domain = domain
            operatorSets[domain, default: 1] = 1
        }
        do {
            node.attribute = try attributes.sorted { $0.key < $1.key }.map { try $0.value.message(named: $0.key) }
        } catch {
            problems.append(InputError(field: node.name, problem: "\(error)"))
        }
        node.output = outputs.map { Self.unique($0, in: &values, &suffixes) }
        graph.node.append(node)
        return node.output
    }

    /// Sets an entry of the model's metadata.
    public mutating func setMetadata(_ key: String, to value: String) {
        metadata[key] = value
    }

    /// The model's bytes.
    ///
    /// - Throws: `InputErrors` if values are used before they are made, or names collide; `InputError` if the model is
    ///   larger than the 2 GB that the format allows.
    public func serialize() throws -> Data {
        let model = try message()
        do {
            return try model.serializedData()
        } catch {
            throw InputError(
                field: graph.name, problem: "the model cannot be written as ONNX: \(error)",
                remedy: "one message holds at most 2 GB; write(to:) puts the data beside it")
        }
    }

    private func message() throws -> Onnx_ModelProto {
        guard problems.isEmpty else { throw InputErrors(problems) }
        var model = Onnx_ModelProto()
        model.irVersion = 8
        model.producerName = Self.producer
        model.opsetImport = operatorSets.sorted { $0.key < $1.key }.map { domain, version in
            var set = Onnx_OperatorSetIdProto()
            set.domain = domain
            set.version = Int64(version)
            return set
        }
        model.metadataProps = metadata.sorted { $0.key < $1.key }.map { key, value in
            var entry = Onnx_StringStringEntryProto()
            entry.key = key
            entry.value = value
            return entry
        }
        model.graph = graph
        return model
    }

    /// Replaces the file at `url` by the model; constants of more bytes than `singleFileLimit` altogether go to a file
    /// beside it, `NAME_data`.
    ///
    /// - Throws: as `serialize()`, or `InputError` if the file cannot be written.
    public func write(to url: URL, singleFileLimit: Int = 2_000_000_000) throws {
        guard graph.initializer.reduce(0, { $0 + $1.rawData.count }) > singleFileLimit else {
            return try AtomicFile.write(serialize(), to: url)
        }
        try ONNXExternalData.write(message(), to: url)
    }

    private mutating func requireONNX(_ type: ElementType, _ name: String) {
        guard type.onnx == nil else { return }
        problems.append(InputError(field: name, problem: "ONNX has no element type \(type.rawValue)"))
    }

    private static func value(_ name: String, _ type: ElementType, _ shape: [ONNXDimension]) -> Onnx_ValueInfoProto {
        var value = Onnx_ValueInfoProto()
        value.name = name
        value.type.tensorType.elemType = Int32((type.onnx ?? .undefined).rawValue)
        value.type.tensorType.shape.dim = shape.map { extent in
            var dimension = Onnx_TensorShapeProto.Dimension()
            switch extent {
            case .fixed(let extent): dimension.dimValue = Int64(extent)
            case .named(let name) where !name.isEmpty: dimension.dimParam = name
            case .named: break
            }
            return dimension
        }
        return value
    }

    private static func unique(_ name: String, in taken: inout Set<String>, _ suffixes: inout [String: Int]) -> String {
        var candidate = name
        while !taken.insert(candidate).inserted {
            suffixes[name, default: 1] += 1
            candidate = "\(name)_\(suffixes[name, default: 1])"
        }
        return candidate
    }
}
