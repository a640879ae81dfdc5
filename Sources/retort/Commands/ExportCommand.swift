import ArgumentParser
import Files
import Formats
import Foundation
import Recipes

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a finished model in the formats that others read, each proved equal.",
        discussion: """
            With a recipe or a run alone, runs the recipe's stages up to the export; the result is in export of the run.

            With --output, writes a model directory, a GGUF file or a run's finished model in the formats of --format: \
            safetensors, onnx, onnx-float16, onnx-fused and compressed-tensors for encoders; gguf, gguf-f16, gguf-q8_0 \
            and gguf-q4_0 for float encoders of BERT's form and for decoders, these also as safetensors. Every file is read back and run against the model; one that \
            computes something else ends the export with exit code 1, and nothing is left behind.

            EXAMPLE
              retort export recipes/quickstart.yaml
              retort export runs/NAME --format onnx,onnx-fused --output spam-filter --data texts.csv
              retort export SmolLM2-135M --format gguf-q8_0 --output smol --bundle
            """)

    @OptionGroup var options: StageOptions

    @Option(
        help: ArgumentHelp("Formats, with commas; the default is safetensors and onnx, or gguf.", valueName: "formats"))
    var format: [String] = []

    @Option(help: ArgumentHelp("The directory to write.", valueName: "dir"))
    var output: String?

    @Option(
        help: ArgumentHelp("Texts to prove the files on: csv, tsv, jsonl or txt, also in archives.", valueName: "file"))
    var data: String?

    @Option(help: "Column of the text.")
    var text = "text"

    @Option(help: "Texts that are taken from --data.")
    var rows = 256

    @Flag(help: "Also write the directory as one file, with the SHA-256 of each of its files: DIR.tar.zst.")
    var bundle = false

    func validate() throws {
        guard output == nil else {
            if !options.overrides.isEmpty {
                throw ValidationError("--output takes a model; it has no recipe to change")
            }
            if options.explanation.explain { throw ValidationError("--explain tells of stages; leave out --output") }
            if !(1...100_000).contains(rows) { throw ValidationError("--rows must lie in 1 to 100000") }
            return
        }
        if !format.isEmpty || data != nil || bundle {
            throw ValidationError("--format, --data and --bundle need --output, the directory to write")
        }
    }

    func run() throws {
        guard let output else { return try options.execute(through: .export) }
        let directory = URL(fileURLWithPath: output, isDirectory: true)
        let archive = directory.deletingLastPathComponent().appendingPathComponent(
            directory.lastPathComponent + ".tar.zst")
        if bundle, FileManager.default.fileExists(atPath: archive.path), (try? ModelBundle.verify(archive)) == nil {
            throw InputError(
                file: archive.relativePath, problem: "is there already, and is no bundle of an earlier export",
                remedy: "name another --output, or move the file away")
        }
        let exporter = try ModelExporter(URL(fileURLWithPath: options.target))
        let names = format.flatMap { $0.split(separator: ",").map(String.init) }
        let formats =
            names.isEmpty
            ? Array(exporter.kind.formats.prefix(2)) : try ExportFormat.named(names, for: exporter.kind)
        let texts =
            try data.map { address in
                try TextRecords.read(address, columns: [text]).records.lazy.map { $0.fields[0] }.filter { !$0.isEmpty }
                    .prefix(rows)
            }.map(Array.init) ?? []
        let entries = try exporter.write(formats, to: directory, provedOn: exporter.sequences(texts)) {
            Message.line("writing and proving \($0.rawValue)")
        }
        for entry in entries {
            let size = String(format: "%.2f MB", Double(entry.bytes) / 1e6)
            printData("\(output)/\(entry.format.path)  \(size)  \(entry.agreement)")
        }
        guard bundle else { return }
        try ModelBundle.write(directory, to: archive)
        printData("\(archive.relativePath)  sha256 \(try Digest.sha256(fileAt: archive))")
    }
}

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove again that an export is what was written and computes what it should.",
        discussion: """
            Compares the SHA-256 of every file with the export's record, then runs each file in our own runtime on the \
            record's texts. Ends with exit code 1 if a file changed or computes something else. Of a bundle, the files \
            are compared with its manifest.

            EXAMPLE
              retort verify spam-filter
              retort verify spam-filter.tar.zst
            """)

    @Argument(help: "An exported directory, the export of a run, or a bundle.")
    var place: String

    func run() throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: place, isDirectory: &isDirectory) else {
            throw InputError(file: place, problem: "there is no such file or directory", remedy: "check the path")
        }
        guard isDirectory.boolValue else {
            let count = try ModelBundle.verify(URL(fileURLWithPath: place))
            printData("\(place)  \(count) files are what the manifest says")
            return
        }
        for finding in try ExportVerification.verify(URL(fileURLWithPath: place, isDirectory: true)) {
            printData("\(place)/\(finding.format.path)  \(finding.agreement)")
        }
    }
}
