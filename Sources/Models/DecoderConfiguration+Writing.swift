public import Foundation

extension DecoderConfiguration {
    /// The fields of `config.json`; its keys are these names in snake case, those of published checkpoints.
    private struct File: Encodable {
        var architectures: [String]?
        var modelType: String?
        var vocabSize: Int?
        var eosTokenId: TokenIDs?
        var tieWordEmbeddings: Bool?
        // GPT-2
        var nEmbd: Int?
        var nLayer: Int?
        var nHead: Int?
        var nInner: Int?
        var nPositions: Int?
        var activationFunction: String?
        var layerNormEpsilon: Float?
        var residPdrop: Float?
        // Llama and Qwen2
        var hiddenSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var numKeyValueHeads: Int?
        var headDim: Int?
        var intermediateSize: Int?
        var maxPositionEmbeddings: Int?
        var hiddenAct: String?
        var rmsNormEps: Float?
        var attentionBias: Bool?
        var mlpBias: Bool?
        var attentionDropout: Float?
        var ropeTheta: Double?
        var ropeScaling: RotaryFile?
        // How the weights are stored
        var torchDtype: String?
        var quantizationConfig: QuantizationFile?
        // Ours
        var attentionHeadSize: Int?
        var layerAttentionHeads: [Int]?
        var layerKeyValueHeads: [Int]?
        var layerIntermediateSizes: [Int]?
    }

    /// One id, or a list of several.
    private struct TokenIDs: Encodable {
        var ids: [Int32]

        func encode(to encoder: any Swift.Encoder) throws {
            var container = encoder.singleValueContainer()
            if ids.count == 1 { try container.encode(ids[0]) } else { try container.encode(ids) }
        }
    }

    private struct RotaryFile: Encodable {
        var ropeType: String
        var factor: Double
        var lowFreqFactor: Double?
        var highFreqFactor: Double?
        var originalMaxPositionEmbeddings: Int?
        var betaFast: Double?
        var betaSlow: Double?
        var attentionFactor: Double?
    }

    /// `quantization_config`, as the `compressed-tensors` package reads it.
    private struct QuantizationFile: Encodable {
        struct Group: Encodable {
            var targets = ["Linear"]
            var weights: Weights
        }

        struct Weights: Encodable {
            var numBits = 4
            var type = "int"
            var symmetric = true
            var strategy = "group"
            var groupSize: Int
        }

        var quantMethod = "compressed-tensors"
        var format = "pack-quantized"
        var quantizationStatus = "compressed"
        var ignore: [String]
        var configGroups: [String: Group]
    }

    /// int4 weights with a scale for so many neighbours.
    public struct PackedWeights: Sendable {
        /// Neighbours in a row that share a scale.
        public var group: Int
        /// The linear layers that are stored otherwise, by their published names.
        public var ignored: [String]

        public init(group: Int, ignored: [String]) {
            self.group = group
            self.ignored = ignored
        }
    }

    /// The text of `config.json`: sorted keys, the same bytes for the same configuration.
    ///
    /// - Parameters:
    ///   - dtype: the type of the stored weights; nil: float32.
    ///   - packed: where the weights are int4.
    public func json(dtype: String? = nil, packed: PackedWeights? = nil) throws -> Data {
        func isEven(_ sizes: [Int]) -> Bool { Set(sizes).count == 1 && sizes[0] > 0 }
        let isUniform = isEven(heads) && isEven(keyHeads) && isEven(feedForward)
        let keepsWidth = isUniform && heads[0] * headSize == hiddenSize
        let published = max(1, hiddenSize / headSize)
        let isLlama = family != .gpt2
        var file = File()
        file.architectures = [
            [.gpt2: "GPT2LMHeadModel", .llama: "LlamaForCausalLM", .qwen2: "Qwen2ForCausalLM"][family]!
        ]
        file.modelType = family.rawValue
        file.vocabSize = vocabularySize
        file.eosTokenId = endTokens.isEmpty ? nil : TokenIDs(ids: endTokens)
        file.tieWordEmbeddings = tiesEmbeddings
        if isLlama {
            file.hiddenSize = hiddenSize
            file.numHiddenLayers = layers
            file.numAttentionHeads = isUniform ? heads[0] : published
            file.numKeyValueHeads = isUniform ? keyHeads[0] : published
            file.headDim = headSize
            file.intermediateSize = feedForward.reduce(1, max)
            file.maxPositionEmbeddings = maximumPositions
            file.hiddenAct = "silu"
            file.rmsNormEps = normEpsilon
            file.attentionBias = biases.hasOutput
            file.mlpBias = biases.hasFeedForward
            file.attentionDropout = dropout
            file.ropeTheta = rotary?.base
            file.ropeScaling = try rotary?.publishedScaling(headSize: headSize).map(Self.rotaryFile)
        } else {
            file.nEmbd = hiddenSize
            file.nLayer = layers
            file.nHead = keepsWidth ? heads[0] : published
            file.nInner = feedForward.reduce(1, max)
            file.nPositions = maximumPositions
            file.activationFunction = activation == .gelu ? "gelu" : "gelu_new"
            file.layerNormEpsilon = normEpsilon
            file.residPdrop = dropout
        }
        if !(isLlama ? isUniform : keepsWidth) {
            file.attentionHeadSize = headSize
            file.layerAttentionHeads = heads
            file.layerKeyValueHeads = keyHeads
            file.layerIntermediateSizes = feedForward
        }
        file.torchDtype = dtype
        file.quantizationConfig = packed.map {
            QuantizationFile(
                ignore: $0.ignored, configGroups: ["group_0": .init(weights: .init(groupSize: $0.group))])
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(file)
    }

    private static func rotaryFile(_ scaling: RotaryPositions.Scaling) -> RotaryFile {
        switch scaling {
        case .linear(let factor): return RotaryFile(ropeType: "linear", factor: factor)
        case .llama3(let factor, let low, let high, let original):
            return RotaryFile(
                ropeType: "llama3", factor: factor, lowFreqFactor: low, highFreqFactor: high,
                originalMaxPositionEmbeddings: original)
        case .yarn(let factor, let fast, let slow, let original, let magnitude):
            return RotaryFile(
                ropeType: "yarn", factor: factor, originalMaxPositionEmbeddings: original, betaFast: fast,
                betaSlow: slow, attentionFactor: magnitude)
        case .factors: preconditionFailure("factors have no form of their own: see `publishedScaling`")
        }
    }
}
