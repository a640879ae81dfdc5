import Files
import Formats
import Foundation
import Layers
import Models
import Tensors

/// A stored decoder's configuration and weights, in the layout of its format.
struct DecoderSource {
    let configuration: DecoderConfiguration
    private let layout: DecoderLayout
    private var filling: WeightFilling

    /// - Throws: `InputError` if there is no decoder, or its configuration or file is damaged.
    init(_ stored: StoredDecoder) throws {
        switch stored {
        case .gguf(let file):
            configuration = try DecoderConfiguration(file)
            layout = DecoderLayout(gguf: configuration)
            filling = WeightFilling(StoredWeights(file))
            try filling.requireRoom(for: configuration.parameterCount, describedBy: "the metadata")
        case .directory(let url):
            configuration = try DecoderConfiguration(
                reading: url.appendingPathComponent(ModelDirectory.configurationFile))
            layout = configuration.family == .gpt2 ? .gpt2 : .llama
            filling = WeightFilling(
                try StoredWeights(directory: url).unpackingInt4(), renaming: layout.standardName)
            try filling.requireRoom(
                for: configuration.parameterCount, describedBy: ModelDirectory.configurationFile)
        }
    }

    mutating func fill(_ parameter: Parameter) {
        filling.fill(parameter, from: layout.part(of: parameter, configuration))
    }

    mutating func finish() throws {
        try filling.finish { [layout, configuration] in layout.isIgnored($0, configuration) }
    }

    /// The decoder's weights for running. An unfilled decoder tells which there are.
    mutating func runner() -> DecoderRunner {
        let names = DecoderNames(configuration.family)
        var weights = RunningWeights(self, names)
        defer { self = weights.source }
        return weights.runner()
    }

    /// The matrix in the file's own blocks, if they are of a kind that runs as it is and the shape is right.
    fileprivate mutating func blocks(_ name: String, outputs: Int, inputs: Int) -> StoredProjection? {
        let part = layout.part(named: name, outputs: outputs, configuration)
        guard !part.isTransposed, part.outputs == nil, let tensor = filling.tensor(part.name),
            tensor.shape == [outputs, inputs], let format = StoredProjection.Format(tensor.type)
        else { return nil }
        filling.ignore(part.name)
        return StoredProjection(
            format, outputs: outputs, inputs: inputs, bytes: tensor.bytes, order: part.order?.map(Int32.init))
    }
}

extension StoredProjection.Format {
    fileprivate init?(_ type: ElementType) {
        switch type {
        case .q80: self = .q80
        case .q40: self = .q40
        case .q41: self = .q41
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        default: return nil
        }
    }
}

/// Collects a decoder's weights for running, each in the form that the file allows.
private struct RunningWeights {
    var source: DecoderSource
    let names: DecoderNames

    init(_ source: DecoderSource, _ names: DecoderNames) {
        self.source = source
        self.names = names
    }

    private var configuration: DecoderConfiguration { source.configuration }

    mutating func runner() -> DecoderRunner {
        let width = configuration.hiddenSize
        let tokens = matrix(names.tokens, configuration.vocabularySize, width)
        let positions = names.positions.map { matrix($0, configuration.maximumPositions, width) }
        let blocks = (0..<configuration.layers).map { block($0) }
        let finalNorm = norm(names.finalNorm)
        let output = configuration.tiesEmbeddings ? nil : matrix(names.output, configuration.vocabularySize, width)
        return DecoderRunner(
            configuration, tokens: tokens, positions: positions, blocks: blocks, finalNorm: finalNorm, output: output)
    }

    private mutating func block(_ layer: Int) -> DecoderRunner.Block {
        let (width, inner) = (configuration.hiddenSize, configuration.feedForward[layer])
        let queries = configuration.heads[layer] * configuration.headSize
        let keys = configuration.keyHeads[layer] * configuration.headSize
        let (biases, own) = (configuration.biases, names.block(layer))
        return DecoderRunner.Block(
            attentionNorm: norm(own.attentionNorm, isThere: queries > 0),
            query: affine(own.query, queries, width, biases.hasQuery),
            key: affine(own.key, keys, width, biases.hasQuery),
            value: affine(own.value, keys, width, biases.hasQuery),
            attentionOutput: affine(own.attentionOutput, width, queries, biases.hasOutput),
            feedForwardNorm: norm(own.feedForwardNorm, isThere: inner > 0),
            gate: own.gate.map { affine($0, inner, width, biases.hasFeedForward) },
            up: affine(own.up, inner, width, biases.hasFeedForward),
            down: affine(own.down, width, inner, biases.hasFeedForward))
    }

    private mutating func affine(_ name: String, _ outputs: Int, _ inputs: Int, _ hasBias: Bool) -> AffineWeights {
        AffineWeights(matrix(name, outputs, inputs), bias: hasBias ? vector(name + ".bias", outputs) : nil)
    }

    /// - Parameter isThere: whether there is something left for it to stand before.
    private mutating func norm(_ name: String, isThere: Bool = true) -> NormWeights {
        let width = isThere ? configuration.hiddenSize : 0
        return NormWeights(
            gamma: vector(name + ".weight", width),
            beta: configuration.family == .gpt2 ? vector(name + ".bias", width) : nil,
            epsilon: configuration.normEpsilon)
    }

    private mutating func matrix(_ name: String, _ outputs: Int, _ inputs: Int) -> any Projection {
        let name = name + ".weight"
        if let blocks = source.blocks(name, outputs: outputs, inputs: inputs) { return blocks }
        return FloatProjection(filled(name, [outputs, inputs]))
    }

    private mutating func vector(_ name: String, _ count: Int) -> Tensor {
        filled(name, [count])
    }

    /// What has no elements is in no file.
    private mutating func filled(_ name: String, _ shape: [Int]) -> Tensor {
        guard !shape.contains(0) else { return Tensor(zeros: shape) }
        let parameter = Parameter(name: name, value: Tensor(zeros: shape), decays: false)
        source.fill(parameter)
        return parameter.value
    }
}
