import Files
import Formats
public import Foundation
import Layers
public import Models
public import Tensors

extension ModelDirectory {
    /// Reads a float encoder of any family.
    ///
    /// - Parameters:
    ///   - classes: where the checkpoint holds no classifier, a fresh one of these classes takes its place; nil refuses
    ///     such a checkpoint. A head of another kind is left out then.
    ///   - isRegression: whether the fresh classifier is one of numbers.
    ///   - key: draws the fresh classifier.
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus or misshapen.
    public static func readEncoder(
        _ directory: URL, allowingMissingHead classes: [String]? = nil, isRegression: Bool = false,
        key: RandomKey = RandomKey(0)
    ) throws -> Encoder {
        let configurationURL = directory.appendingPathComponent(configurationFile)
        try refuseQuantized(configurationURL)
        var configuration = try EncoderConfiguration(reading: configurationURL)
        let weights = try StoredWeights(directory: directory)
        var names = EncoderNames(configuration)
        var filling = WeightFilling(weights, renaming: names.standard)
        let hasClassifier = filling.holds(names.published("classifier.weight"))
        let isFresh = classes != nil && !(hasClassifier && configuration.classifies)
        if let classes {
            // What a single number is called does not matter.
            let isNumber = isRegression && configuration.head == .regression && configuration.labels.count == 1
            if !isFresh, !isNumber { try require(classes, of: configuration, in: configurationURL) }
            if isFresh { configuration = configuration.classifying(classes) }
            if isFresh, isRegression { configuration.head = .regression }
            names = EncoderNames(configuration)
        }
        if configuration.head == .none { throw missingHead(of: configuration, in: weights.file) }
        try filling.requireRoom(for: configuration.parameterCount, describedBy: configurationFile)
        let encoder = Encoder(unfilled: configuration)
        let headNames = Set(encoder.headParameters.map(\.name))
        for parameter in encoder.parameters {
            let isHead = headNames.contains(parameter.name)
            let name = storedName(of: parameter, names, in: filling)
            if isFresh && isHead && !filling.holds(name) { continue }
            filling.fill(
                parameter, from: StoredPart(name),
                remedy: isHead && !hasClassifier && configuration.classifies ? freshHeadRemedy : nil)
        }
        if isFresh { encoder.drawHead(key: key) { !filling.holds(names.published($0)) } }
        if configuration.head == .maskedLanguageModel { checkTied(names, in: &filling) }
        try filling.finish { names.isIgnored($0, withFreshHead: isFresh) }
        return encoder
    }

    /// Reads a float encoder that is only run, in float32: of its large weights there is nothing but what products read.
    ///
    /// - Throws: as `readEncoder`.
    public static func readRunnable(_ directory: URL) throws -> Encoder {
        let encoder = try readEncoder(directory)
        encoder.packForRunning(in: .float32)
        return encoder
    }

    private static let freshHeadRemedy =
        "the checkpoint has no classifier: give a fine-tuned one, or train a fresh one with teacher.fine_tune"

    /// What a checkpoint that was only pre-trained lacks.
    private static func missingHead(of configuration: EncoderConfiguration, in file: String) -> InputErrors {
        let names = EncoderNames(configuration)
        let width = configuration.hiddenSize
        let shapes = [("classifier.weight", "[classes, \(width)]"), ("classifier.bias", "[classes]")]
        return InputErrors(
            shapes.map { name, shape in
                InputError(
                    file: file, field: names.published(name), problem: "missing, expected shape \(shape)",
                    remedy: name.hasSuffix("bias")
                        ? freshHeadRemedy + "; for embeddings, add the modules.json of sentence-transformers" : nil)
            })
    }

    /// A classifier that is there must be one for the classes that are wanted.
    private static func require(_ classes: [String], of configuration: EncoderConfiguration, in url: URL) throws {
        guard configuration.head == .classification, configuration.labels.count == classes.count else {
            throw InputError(
                file: url.path, field: "id2label",
                problem: "the checkpoint is for the \(configuration.head.rawValue) of \(configuration.labels), "
                    + "the labels are \(classes)",
                remedy: "give a checkpoint of these classes, or one without a classifier")
        }
    }

    private static func refuseQuantized(_ url: URL) throws {
        guard try ConfigurationReader(reading: url).has("quantization_config") else { return }
        throw InputError(
            file: url.path, field: "quantization_config",
            problem: "the weights are quantized, float ones are needed here",
            remedy: "give the float model")
    }

    /// The published name; a vocabulary's bias may be stored as that of its decoder alone.
    private static func storedName(of parameter: Parameter, _ names: EncoderNames, in filling: WeightFilling) -> String
    {
        let name = names.published(parameter.name)
        let other = names.published("cls.predictions.decoder.bias")
        let isBias = parameter.name == "cls.predictions.bias"
        return isBias && !filling.holds(name) && filling.holds(other) ? other : name
    }

    /// Some files hold the output embedding, which is the table of words, and its bias a second time.
    private static func checkTied(_ names: EncoderNames, in filling: inout WeightFilling) {
        for (copy, original) in [
            ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
            ("cls.predictions.decoder.bias", "cls.predictions.bias"),
        ] {
            let (copy, original) = (names.published(copy), names.published(original))
            guard copy != original, let tensor = filling.tensor(copy), let first = filling.tensor(original) else {
                continue
            }
            filling.ignore(copy)
            if tensor != first {
                filling.refuse(copy, "differs from \(original), which stands in its place here")
            }
        }
    }
}
