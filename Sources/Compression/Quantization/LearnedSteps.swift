public import Layers
public import Models
import Tensors

/// Quantization-aware training that also learns the steps of the grids (LSQ; Esser et al. 2020, arXiv 1902.08153).
///
/// Every output channel of a weight has a step, and every input of a group of layers one, unless each token has its own.
/// Zero points stay where calibration put them, and embedding rows follow their values. Steps are learned as factors of
/// those that training begins with.
public final class LearnedSteps {
    /// What the optimizer is to move besides the encoder's own parameters, each near 1.
    public let parameters: [Parameter]
    private let scheme: QuantizationScheme
    private let weights: [LearnedLinear]

    /// Puts the simulation on `encoder`, with the steps that its weights and the scheme have now.
    public init(attachingTo encoder: Encoder, _ scheme: QuantizationScheme) {
        QuantizationSimulation.attach(to: encoder, scheme)
        var (layers, parameters): ([LearnedLinear], [Parameter]) = ([], [])
        for group in encoder.quantizedGroups where !scheme.float.contains(group[0].name) {
            let input = scheme.grid(of: group[0].name).map { grid in
                (grid, Parameter.constant(name: group[0].name + ".input_step", count: 1, value: 1))
            }
            if let input { parameters.append(input.1) }
            for layer in group {
                let learned = LearnedLinear(layer, scheme, input: input)
                layer.quantization = learned
                layers.append(learned)
                parameters.append(learned.factors)
            }
        }
        self.scheme = scheme
        self.parameters = parameters
        weights = layers
    }

    /// The scheme with the steps as they are now.
    public var learned: QuantizationScheme {
        var scheme = scheme
        var grids: [String: UInt8Quantization] = [:]
        let tape = Tape(recording: false)
        for layer in weights {
            scheme.weightScales[layer.name] = layer.steps(on: tape).value.values
            if let (grid, step) = layer.inputStep(on: tape) {
                grids[layer.name] = UInt8Quantization(scale: step.value.scalar, zeroPoint: grid.zeroPoint)
            }
        }
        if case .fixed(let calibrated) = scheme.inputs {
            scheme.inputs = .fixed(calibrated.merging(grids) { $1 })
        }
        return scheme
    }
}

private final class LearnedLinear: LinearQuantization {
    let name: String
    /// Of the weight's steps: [O].
    let factors: Parameter
    private let scheme: QuantizationScheme
    private let input: (grid: UInt8Quantization, factor: Parameter)?
    /// The steps at the beginning: [O].
    private let base: [Float]

    init(_ layer: Linear, _ scheme: QuantizationScheme, input: (UInt8Quantization, Parameter)?) {
        name = layer.name
        self.scheme = scheme
        self.input = input
        let weight = scheme.smoothed(
            weight: Variable(constant: layer.weight.value), of: layer.name, on: Tape(recording: false))
        base = Int8Matrix.scales(of: weight.value, bits: scheme.weightBits)
        factors = .constant(name: layer.name + ".weight_step", count: base.count, value: 1)
    }

    func steps(on tape: Tape) -> Variable { tape.steps(factors.on(tape), of: base) }

    func inputStep(on tape: Tape) -> (UInt8Quantization, Variable)? {
        input.map { ($0.grid, tape.steps($0.factor.on(tape), of: [$0.grid.scale])) }
    }

    func input(_ x: Variable, on tape: Tape) -> Variable {
        let x = scheme.smoothed(x, of: name, on: tape)
        guard let (grid, step) = inputStep(on: tape) else { return tape.fakeQuantizeRows(x) }
        return tape.fakeQuantize(x, step: step, zeroPoint: grid.zeroPoint)
    }

    func weight(_ weight: Variable, on tape: Tape) -> Variable {
        tape.fakeQuantizeRows(
            scheme.smoothed(weight: weight, of: name, on: tape), steps: steps(on: tape), bits: scheme.weightBits)
    }
}
