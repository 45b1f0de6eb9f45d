import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// A way to spoil a run's table, vocabulary or configuration, and what the message must say of it.
struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let parts: [String]
    var changes: [String] = []
    var spoil: @Sendable (SampleCohort) throws -> Void = { _ in }

    private static func table(_ name: String, _ parts: [String], _ edit: @escaping @Sendable ([String]) -> String)
        -> Self
    {
        BadInput(testDescription: name, parts: parts + ["train.csv"]) {
            try $0.write(edit($0.lines), to: $0.tablePath)
        }
    }

    private static func setting(_ change: String, _ parts: [String]) -> Self {
        BadInput(testDescription: change, parts: parts, changes: [change])
    }

    static let tables: [BadInput] = [
        BadInput(testDescription: "no table", parts: ["train.csv"]) {
            try FileManager.default.removeItem(atPath: $0.tablePath)
        },
        table("wrong columns", ["missing columns: image_path", "row 1"]) {
            (["picture" + $0[0].dropFirst("image_path".count)] + $0.dropFirst()).joined(separator: "\n")
        },
        table("empty report", ["the report is empty", "row 4"]) { lines in
            let row = lines[3].split(separator: ",").dropLast().joined(separator: ",") + ", "
            return (lines.prefix(3) + [row] + lines.dropFirst(4)).joined(separator: "\n")
        },
        table("unclosed quote", ["quote", "row 3"]) { lines in
            (lines.prefix(2) + [lines[2] + ",\"never closed"] + lines.dropFirst(3)).joined(separator: "\n")
        },
        table("header only", ["no studies"]) { $0[0] + "\n" },
        table("empty file", []) { _ in "" },
        table("too few fields", ["row 3"]) {
            (($0.prefix(2) + ["a.png,-1"]) + $0.dropFirst(3)).joined(separator: "\n")
        },
    ]

    static let vocabularies: [BadInput] = [
        BadInput(testDescription: "no vocabulary", parts: ["vocab.txt"]) {
            try FileManager.default.removeItem(atPath: $0.vocabularyPath)
        },
        BadInput(testDescription: "without [MASK]", parts: ["[MASK]", "vocab.txt"]) {
            try $0.writeVocabulary(SampleCohort.specials.dropLast() + SampleCohort.words)
        },
        BadInput(testDescription: "not text", parts: ["vocab.txt"]) {
            try Data([0xFF, 0xFE, 0x00, 0x0A, 0xC3]).write(to: URL(filePath: $0.vocabularyPath))
        },
    ]

    static let settings: [BadInput] = [
        setting("global_bach=4", ["global_bach", "global_batch"]),
        setting("data.trian=x.csv", ["data.trian", "data.train"]),
        setting("global_batch=-4", ["global_batch is -4"]),
        setting("global_batch=9", ["fewer studies than the global batch", "8 studies"]),
        setting("model=alta-huge", ["alta-huge", "alta-base"]),
        setting("precision=fp16", ["precision"]), setting("pretrained.vision=x", ["pretrained.vision"]),
        setting("output=/proc/none", ["/proc/none"]), setting("output=null", ["output is not set"]),
        setting("data.train=null", ["data.train is not set"]),
        setting("data.vocabulary=null", ["data.vocabulary is not set"]),
    ]
}

extension WorkerJobs {
    /// Every fault of the input ends the job in time, with one line that says what, where and what to do.
    @Suite struct BadInputs {
        @Test(arguments: BadInput.tables + BadInput.vocabularies + BadInput.settings)
        func oneLineTellsIt(input: BadInput) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try input.spoil(cohort)
            expectFault(try AlignJob.small(cohort).run("run", ranks: 2, input.changes), input.parts)
        }

        @Test func aConfigurationThatIsNoJSONIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let path = try job.arguments("run")[1]
            try cohort.write("{\"global_batch\": 4,", to: path)
            expectFault(try JobRunner.run("alta-worker", ranks: 2, ["align", path]), [path])
            expectFault(try JobRunner.run("alta-worker", ranks: 2, ["align", "/nowhere.json"]), ["/nowhere.json"])
        }

        /// CRLF, quotes, commas and line feeds within quotes, a byte order mark, columns in another order.
        @Test func everyFormOfCSVIsRead() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("plain", ranks: 2))
            let rows = cohort.rows.map { row in
                let report = row.report.split(separator: " ").joined(separator: "\n")
                return ([report] + row.views).map { "\"\($0)\"" }.joined(separator: ",") + ",\"a \"\"quote\"\", here\""
            }
            let columns = SampleCohort.header.split(separator: ",")
            let header = (columns.suffix(1) + columns.dropLast() + ["note"]).joined(separator: ",")
            try cohort.write(
                "\u{FEFF}" + ([header] + rows).map { $0 + "\r\n" }.joined(), to: cohort.tablePath)
            expectDone(try job.run("other", ranks: 2))
            let other = try job.log("other").steps.count
            #expect(other == 2)
        }

        @Test func ranksWithDifferentConfigurationsAreRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let output = "output=\(job.output("run"))"
            let one = try job.arguments("a", [output])
            let two = try job.arguments("b", [output, "seed=2", "data.image_root=/x"])
            for arguments in [[one, two], [two, one]] {
                expectFault(
                    try JobRunner.run("alta-worker", rankArguments: arguments),
                    ["different configurations", "rank 1", "seed", "data.image_root"])
            }
            let wrong = try job.arguments("c", [output, "sed=2"])
            for (arguments, rank) in [([one, wrong], 1), ([wrong, one], 0)] {
                expectFault(
                    try JobRunner.run("alta-worker", rankArguments: arguments), ["\"sed\"", "seed", "rank \(rank)"])
            }
        }

        @Test func ranksWithDifferentUsageAreRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let good = try AlignJob.small(cohort).arguments("a")
            for (arguments, rank) in [([good, ["align", "--nope"]], 1), ([["align", "--nope"], good], 0)] {
                expectFault(
                    try JobRunner.run("alta-worker", rankArguments: arguments), ["--nope", "rank \(rank)"], exitCode: 2)
            }
        }

        @Test func aThreadCountThatIsNoneIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let arguments = try AlignJob.small(cohort).arguments("run")
            let program = JobRunner.program("alta-worker")
            let job = try RunningJob.start(
                JobRunner.mpirun ?? "mpirun", JobRunner.mpirunOptions + ["-n", "2", program] + arguments,
                environment: ["ALTA_THREADS": "two"])
            expectFault(job.finish(), ["ALTA_THREADS is two"])
        }
    }
}
