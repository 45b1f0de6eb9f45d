import AltaCore
import AltaData
import Foundation

private let packCommand = CommandDescription(
    name: "alta-data pack",
    summary:
        "Do once what is the same in every epoch of an alignment: decode, scale, crop and tokenize; data.train takes "
        + "the file.",
    positionals: [PositionalArgument("CSV", "the table of studies")],
    options: [
        .value("--output", name: "FILE", "the pack to write"),
        .value("--image-root", name: "FOLDER", "the folder of relative image paths (the CSV's own)"),
        .value(
            "--vocabulary", name: "VOCAB.txt",
            "pack the reports' token ids too, for runs with this vocabulary; without it, a run tokenizes them itself"),
        .value(
            "--image-size", name: "PIXELS", "the model's image_size (224); training crops of the frontal have twice"),
        .value(
            "--dicom-scaling", name: "SCALING",
            "how DICOM pixels become 8 bits: published (the default), or mimic; the run's data.dicom_scaling"),
        .value(
            "--for", name: "USE", "training (data.train), evaluation (data.validation), or both, the default"),
        .value("--threads", name: "T", "how many threads decode (one a core)"),
    ],
    example: "alta-data pack cohort/train.csv --vocabulary vocab.txt --output cohort/train.pack",
    notes: """
        A run from the pack equals the run from the CSV bit for bit, and continues its checkpoints. The pack holds radiographs
        and reports: guard it as you guard them. A study takes about 0.25 to 0.45 MB where radiographs are grey.
        While it is being made it lies at FILE.partial. Started again after a kill with the same arguments, the command goes on
        behind the last whole study. The same arguments give the same bytes at any number of threads.
        """)

/// `alta-data pack`: a table's studies as one memory-mapped file.
///
/// Throws `AltaError` for wrong usage, an unusable table, vocabulary or radiograph and a file that cannot be written.
func runPack(arguments: [String]) throws {
    let parsed = try packCommand.parse(arguments)
    if parsed.wantsHelp { return print(packCommand.help, terminator: "") }
    let options = PackOptions(
        csvPath: parsed.positionals[0], output: try parsed.required("--output"),
        imageRoot: parsed.value("--image-root"),
        vocabularyPath: parsed.value("--vocabulary"),
        imageSize: try parsed.int("--image-size", in: 1...PackRecipe.largestImageSize) ?? 224,
        dicomScaling: try parsed.choice("--dicom-scaling", DicomScaling.self) ?? .published,
        purpose: try parsed.choice("--for", PackRecipe.Purpose.self) ?? .both,
        threads: try parsed.int("--threads", in: 1...1024) ?? ProcessInfo.processInfo.activeProcessorCount)
    let line = ProgressLine("pack", start: .now)
    let summary = try StudyPacker.pack(
        options, notice: { FileHandle.standardError.write(Data("\($0)\n".utf8)) },
        progress: { done, total in line.show(done: done, total: total) })
    line.finish()
    let rate = Int(Double(summary.studyCount - summary.continuedCount) / max(line.seconds, 0.001))
    let before = summary.continuedCount > 0 ? ", \(summary.continuedCount) of them from before" : ""
    print(
        """
        \(options.output): \(summary.studyCount) studies\(before), \
        \(summary.byteCount / 1_000_000) MB, \(summary.byteCount / 1000 / summary.studyCount) kB a study (\(rate) a second)
        """)
}
