import ArgumentParser
import Files
import Formats
import Foundation
import Models
import Recipes
import Tokenizers

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what is inside a file or a model directory.",
        discussion: """
            Reads safetensors, GGUF, PyTorch, HDF5 (soft targets, checkpoints) and ONNX files, indices of weights in \
            shards, tokenizer.json, vocab.txt, and directories. Says what is wrong with a damaged file, with exit code 2.

            EXAMPLE
              retort inspect runs/NAME/export/model.onnx
              retort inspect runs/NAME/targets/train/part-00000-of-00001.h5 --json
            """)

    @Argument(help: "A file or a directory.")
    var file: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let url = URL(fileURLWithPath: file)
        var inspection = try FileInspection(tokenizer: url) ?? FileInspection(of: url)
        if inspection.format == .directory, let model = ModelDescription(of: url) {
            inspection.metadata += model.properties
            inspection.problems += model.problems
        }
        try show(inspection)
        if !inspection.problems.isEmpty { throw ExitCode(2) }
    }

    private func show(_ inspection: FileInspection) throws {
        if json { return try JSONLineWriter(isPretty: true).write(inspection) }
        printData("format: \(inspection.format.rawValue)")
        for property in inspection.metadata {
            let value = property.value.replacing("\n", with: "\\n")
            printData("\(property.name.printable(keepsLines: false)): \(value)")
        }
        if inspection.format != .directory, inspection.format != .tokenizer { showTensors(of: inspection) }
        for problem in inspection.problems { printData("problem: \(problem)") }
    }

    private func showTensors(of inspection: FileInspection) {
        let names = inspection.tensors.map { $0.name.printable(keepsLines: false) }
        let shapes = inspection.tensors.map { $0.shape.map(String.init).joined(separator: " × ") }
        let (nameWidth, shapeWidth) = ((names.map(\.count).max() ?? 0) + 2, (shapes.map(\.count).max() ?? 0) + 2)
        for (tensor, (name, shape)) in zip(inspection.tensors, zip(names, shapes)) {
            printData(
                name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)
                    + shape.padding(toLength: shapeWidth, withPad: " ", startingAt: 0)
                    + tensor.type.padding(toLength: 6, withPad: " ", startingAt: 0) + "\(tensor.bytes) bytes")
        }
        let bytes = inspection.tensors.reduce(0) { $0 + $1.bytes }
        printData("\(inspection.tensors.count) tensors, \(bytes) bytes")
    }
}
