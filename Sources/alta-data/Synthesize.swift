import AltaCore
import AltaData
import Foundation

/// `alta-data synthesize`: a cohort of phantom radiographs with reports.
func runSynthesize(arguments: [String]) throws {
    let command = CommandDescription(
        name: "alta-data synthesize",
        summary:
            "Makes a cohort of phantom chest radiographs with matching reports: images/, train.csv, valid.csv, test.csv.",
        options: [
            .value("--output", name: "FOLDER", "the folder to fill; new or empty"),
            .value("--studies", name: "N", "how many studies, over all splits (at least 20)"),
            .value("--seed", name: "S", "decides everything that is random (1)"),
            .value("--size", name: "PIXELS", "the shorter side of the images (512)"),
            .value("--threads", name: "T", "how many threads render (one a core)"),
            .value("--test-share", name: "SHARE", "the share of studies in test.csv (0.15); valid.csv has 0.05"),
            .flag("--overwrite", documentation: "write into a folder that is not empty"),
        ],
        example: "alta-data synthesize --output cohort --studies 1000 --seed 1",
        notes: """
            The same options give the same bytes at any number of threads. No patient is in two splits. About 40 % of
            studies have a prior one, 60 % a lateral view, 15 % no finding at all.
            """)
    let parsed = try command.parse(arguments)
    if parsed.wantsHelp { return print(command.help) }
    let options = CohortOptions(
        output: try parsed.required("--output"), studyCount: try studyCount(parsed),
        seed: UInt64(try parsed.int("--seed", in: 0...Int.max) ?? 1), size: try parsed.int("--size") ?? 512,
        threads: try parsed.int("--threads") ?? ProcessInfo.processInfo.activeProcessorCount,
        testShare: try parsed.double("--test-share") ?? 0.15, overwrites: parsed.flag("--overwrite"))
    let line = ProgressLine("synthesize", start: .now)
    let summary = try CohortWriter.write(options) { done, total in line.show(done: done, total: total) }
    line.finish()
    report(summary, options, seconds: line.seconds)
}

private func studyCount(_ parsed: ParsedArguments) throws -> Int {
    _ = try parsed.required("--studies")
    return try parsed.int("--studies") ?? 0
}

private func report(_ summary: CohortSummary, _ options: CohortOptions, seconds: Double) {
    let rate = Int(Double(summary.imageCount) / max(seconds, 0.001))
    let kilobytes = summary.imageByteCount / 1000 / max(1, summary.imageCount)
    print(
        """
        \(options.output): \(summary.trainCount) training, \(summary.validationCount) validation, \
        \(summary.testCount) test studies; \(summary.imageCount) radiographs of \(kilobytes) kB on average \
        (\(rate) a second)
        """)
}
