import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension WorkerJobs {
    /// `alta-worker preflight` on real ranks, and through `alta-launch check`.
    @Suite struct PreflightJobs {
        /// When a check is killed, on a busy machine: alone it takes a few seconds.
        private static let limitSeconds = 120.0

        /// The findings that rank 0 printed.
        private static func findings(_ outcome: JobOutcome) throws -> [CheckFinding] {
            try outcome.output.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }
                .compactMap { CheckFinding(json: try JSONValue(parsing: String($0))) }
        }

        private static func failures(_ outcome: JobOutcome) throws -> [CheckFinding] {
            try findings(outcome).filter { $0.verdict == .failed }
        }

        /// The arguments of a preflight of `align` with the job's configuration.
        private static func arguments(_ job: AlignJob, _ changes: [String] = []) throws -> [String] {
            ["preflight", "--stage", job.command] + (try job.arguments("run", changes)).dropFirst()
        }

        private static let everything = [
            "versions", "cores", "threads", "open files", "configuration", "data", "pretrained", "images", "memory",
            "shared memory", "single copy", "output", "disk", "speed", "network", "clock", "collectives",
        ]

        @Test(arguments: [1, 2], ["align", "pretrain"])
        func aGoodConfigurationPasses(ranks: Int, stage: String) throws {
            let cohort = try SampleCohort.make()
            let job = stage == "align" ? AlignJob.small(cohort) : .pretraining(cohort)
            let outcome = try JobRunner.run(
                "alta-worker", ranks: ranks, try Self.arguments(job), limitSeconds: Self.limitSeconds)
            #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
            let findings = try Self.findings(outcome)
            #expect(findings.map(\.check) == Self.everything)
            #expect(!findings.contains { $0.verdict == .failed })
            #expect(outcome.output.contains(#"{"exit_code":0}"#))
            // Nothing is left of what was tried.
            #expect(!FileManager.default.fileExists(atPath: job.output("run")))
            let left = try FileManager.default.contentsOfDirectory(atPath: cohort.folder)
            #expect(!left.contains { $0.hasPrefix(".alta-check") })
        }

        @Test func machinesAloneCanBeLookedAt() throws {
            let outcome = try JobRunner.run("alta-worker", ranks: 2, ["preflight"])
            #expect(outcome.exitCode == 0)
            let checks = try Self.findings(outcome).map(\.check)
            #expect(checks == Self.everything.filter { !["data", "pretrained", "images", "disk"].contains($0) })
        }

        @Test(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
        func theLauncherMakesLinesOfThem() throws {
            let job = AlignJob.small(try SampleCohort.make())
            let run = try job.arguments("run")
            let outcome = try JobRunner.runAlone(
                "alta-launch", ["check", "-n", "2", "--"] + run, limitSeconds: Self.limitSeconds)
            #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.contains("ok   data: 8 studies, 29 words of vocabulary, the same on every rank"))
            #expect(lines.last?.hasPrefix("check: nothing failed; ") == true)
            #expect(lines.count >= 25)
        }

        /// Several faults at once: none hides another.
        @Test func everyFaultIsToldOfAtOnce() throws {
            var cohort = try SampleCohort.make()
            cohort.rows[5].views[0] = "gone.jpg"
            try cohort.writeTable()
            let job = AlignJob.small(cohort)
            let outcome = try JobRunner.run(
                "alta-worker", ranks: 2, try Self.arguments(job, ["output=/proc/none/run"]))
            #expect(outcome.exitCode == 1)
            let failures = try Self.failures(outcome)
            #expect(failures.map(\.check) == ["images", "output"], "\(outcome.output)")
            #expect(failures[0].finding.contains("gone.jpg") && failures[0].finding.contains("row 7"))
            #expect(failures[1].finding.contains("/proc/none"))
            #expect(failures.allSatisfy { $0.remedy != nil })
            #expect(try Self.findings(outcome).last?.check == "collectives")
        }

        @Test(arguments: [
            ("configuration", ["globalbatch=4"], "did you mean global_batch?"),
            ("data", ["data.train=nowhere.csv"], "nowhere.csv"), ("data", ["global_batch=64"], "64"),
            ("pretrained", ["pretrained.text=nowhere"], "nowhere"),
        ])
        func whatARunWouldRefuseFails(check: String, changes: [String], text: String) throws {
            let job = AlignJob.small(try SampleCohort.make())
            let outcome = try JobRunner.run("alta-worker", ranks: 2, try Self.arguments(job, changes))
            let failures = try Self.failures(outcome)
            #expect(outcome.exitCode == 1 && failures.map(\.check) == [check], "\(outcome.output)")
            #expect(failures[0].line.contains(text) && failures[0].line.contains("ranks 0-1 on "))
        }

        @Test func aRankWithAnotherConfigurationIsNamed() throws {
            let job = AlignJob.small(try SampleCohort.make())
            let own = try [[], ["seed=2"]].map { try Self.arguments(job, $0) }
            let outcome = try JobRunner.run("alta-worker", rankArguments: own)
            let failures = try Self.failures(outcome)
            #expect(outcome.exitCode == 1 && failures.map(\.check) == ["configuration"], "\(outcome.output)")
            #expect(failures[0].finding.hasPrefix("rank 1 on ") && failures[0].finding.hasSuffix("rank 0 in seed"))
        }

        /// The same path holds other content for one rank, as a folder that hosts do not share.
        @Test func aRankWithOtherDataIsNamed() throws {
            let cohort = try SampleCohort.make()
            let job = AlignJob.small(cohort)
            let folders = ["\(cohort.folder)/one", "\(cohort.folder)/two"]
            let settings = [
                "data.train=train.csv", "data.image_root=\(cohort.folder)", "output=\(cohort.folder)/run",
            ]
            for (index, folder) in folders.enumerated() {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let lines = index == 0 ? cohort.lines : Array(cohort.lines.dropLast())
                try cohort.write(lines.map { $0 + "\n" }.joined(), to: "\(folder)/train.csv")
            }
            let worker = [JobRunner.program("alta-worker")] + (try Self.arguments(job, settings))
            let parts = folders.map { ["-wdir", $0, "-n", "1"] + worker }
            let outcome = try RunningJob.start(
                try #require(JobRunner.mpirun), JobRunner.mpirunOptions + Array(parts.joined(separator: [":"]))
            ).finish()
            let failures = try Self.failures(outcome)
            #expect(outcome.exitCode == 1 && failures.map(\.check) == ["data"], "\(outcome.output)\(outcome.errors)")
            #expect(failures[0].finding.hasPrefix("rank 1 on "))
            #expect(failures[0].finding.hasSuffix("another file for data.train than rank 0's"))
        }

        /// One byte more at the end of a program changes what it is, and not what it does.
        @Test func aRankWithAnotherProgramIsNamed() throws {
            let folder = try SharedMaterial.temporaryFolder("program")
            let program = JobRunner.program("alta-worker")
            var bytes = try Data(contentsOf: URL(filePath: program))
            bytes.append(0)
            try bytes.write(to: URL(filePath: "\(folder)/alta-worker"))
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/alta-worker")
            let outcome = try RunningJob.start(
                try #require(JobRunner.mpirun),
                JobRunner.mpirunOptions + ["-n", "1", program, "preflight", ":"]
                    + ["-n", "1", "\(folder)/alta-worker", "preflight"]
            ).finish()
            let failures = try Self.failures(outcome)
            #expect(outcome.exitCode == 1, "\(outcome.output)\(outcome.errors)")
            #expect(failures.map(\.check) == ["versions"])
            #expect(failures[0].finding.hasPrefix("rank 1 on "))
            #expect(failures[0].finding.hasSuffix("another alta-worker than rank 0's"))
        }

        /// Two ranks on one core while another is idle.
        @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "needs two cores"))
        func ranksThatShareACoreAreNamed() throws {
            let outcome = try RunningJob.start(
                try #require(JobRunner.mpirun),
                JobRunner.mpirunOptions + ["-n", "2", "taskset", "-c", "0", JobRunner.program("alta-worker")]
                    + ["preflight"]
            ).finish()
            let failures = try Self.failures(outcome)
            #expect(outcome.exitCode == 1, "\(outcome.output)\(outcome.errors)")
            #expect(failures.map(\.check) == ["cores"])
            #expect(failures[0].finding.hasPrefix("rank 1 on ") && failures[0].finding.contains("must share core 0"))
        }

        @Test func wrongArgumentsAreToldOnce() throws {
            for arguments in [["--stage", "evaluate"], ["--patience", "0"], ["--patient", "1"]] {
                let outcome = try JobRunner.run("alta-worker", ranks: 2, ["preflight"] + arguments)
                #expect(outcome.exitCode == 2 && outcome.errorLines.count == 1, "\(outcome.errors)")
            }
        }
    }
}
