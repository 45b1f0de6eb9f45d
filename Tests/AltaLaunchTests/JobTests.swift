import AltaTestSupport
import Foundation
import Testing

/// Real jobs under mpirun, with a worker that fails as told.
@Suite(.serialized, .enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
struct JobTests {
    @Test func successShowsRankZeroAndKeepsEveryRank() throws {
        let job = try FakeJob(
            "success", options: ["-n", "3", "--threads-per-rank", "2"], arguments: ["--set", "seed=7"])
        #expect(try job.run() == 0)
        #expect(
            job.standardError.contains("alta-launch: host ") && job.standardError.contains("alta-launch: binding: "))
        let line = "rank 0 of 3: align --set output=\(job.folder)/run --set seed=7 (2, 2, lines, 1)\n"
        #expect(job.standardOutput == line)
        #expect(job.report == ["warning: rank 0"])
        // Output and error output reach the launcher by two streams, in either order.
        #expect([line + "warning: rank 0\n", "warning: rank 0\n" + line].contains(job.text("run/ranks/rank-0.log")))
        let last = job.text("run/ranks/rank-2.log").split(separator: "\n").sorted()
        #expect(last.count == 2 && last[0].hasPrefix("rank 2 of 3") && last[1] == "warning: rank 2")
        #expect(job.remaining == 0)
    }

    @Test(arguments: [
        ("exit", 3, "ended with exit code 3: out of luck"), ("kill", 75, "was killed by signal 9 (Killed)"),
        ("record", 4, "failed in step 3 (data): cannot read x.jpg"), ("hang", 4, "failed in step 3 (data): lost"),
    ])
    func theFailingRankIsNamedFirst(mode: String, exitCode: Int32, text: String) throws {
        let job = try FakeJob(mode)
        #expect(try job.run() == exitCode)
        let first = try #require(job.report.first)
        #expect(first.hasPrefix("error: rank 1 on ") && first.contains(text), "\(job.report)")
        #expect(job.report.contains { $0.contains("\(job.folder)/run/ranks/rank-1.log") })
        #expect(!job.standardError.contains("-----"))
        #expect(job.remaining == 0)
    }

    @Test func anOlderJobsFailureIsForgotten() throws {
        let job = try FakeJob("success")
        let failures = "\(job.folder)/run/ranks/failures"
        try FileManager.default.createDirectory(atPath: failures, withIntermediateDirectories: true)
        try #"{"rank":1,"host":"h","phase":"data","message":"m","exit_code":1,"seconds_since_1970":1}"#
            .write(toFile: "\(failures)/rank-1.json", atomically: true, encoding: .utf8)
        #expect(try job.run() == 0)
        #expect(job.report == ["warning: rank 0"])
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGUSR1]) func aSignalEndsTheJob(signal: Int32) throws {
        let job = try FakeJob("wait")
        try job.start()
        job.waitForRanks()
        kill(job.identifier, signal)
        #expect(job.finish() == 75)
        #expect(job.report.first?.hasPrefix("error: stopped by SIG") == true, "\(job.report)")
        #expect(job.remaining == 0)
    }

    /// Started by nohup, or in the background of a shell without job control; `aSignalEndsTheJob` otherwise.
    @Test(arguments: [("HUP", SIGHUP), ("INT", SIGINT)])
    func aSignalThatWasIgnoredStaysIgnored(name: String, signal: Int32) throws {
        let job = try FakeJob("wait")
        try job.start(by: "trap '' \(name); exec \"$0\" \"$@\"")
        job.waitForRanks()
        kill(job.identifier, signal)
        usleep(1_000_000)
        #expect(job.remaining >= 4 && !job.standardError.contains("stopped by"))
        kill(job.identifier, SIGTERM)
        #expect(job.finish() == 75)
        #expect(job.report.first?.hasPrefix("error: stopped by SIGTERM") == true, "\(job.report)")
        #expect(!job.standardError.contains("SIG\(name)") && job.remaining == 0)
    }

    /// SIGTERM is what ends a job that nothing else may end.
    @Test func sigtermCannotBeIgnored() throws {
        let job = try FakeJob("wait")
        try job.start(by: "trap '' TERM; exec \"$0\" \"$@\"")
        job.waitForRanks()
        kill(job.identifier, SIGTERM)
        #expect(job.finish() == 75)
        #expect(job.remaining == 0)
    }

    @Test func ranksThatIgnoreSignalsEndToo() throws {
        let job = try FakeJob("deaf")
        try job.start()
        job.waitForRanks()
        for _ in 0..<2 {
            kill(job.identifier, SIGINT)
            usleep(400_000)
        }
        #expect(job.finish() == 75)
        #expect(job.remaining == 0)
    }

    @Test func theTimeLimitEndsTheJob() throws {
        let job = try FakeJob("wait", options: ["-n", "2", "--timeout", "1.5"])
        #expect(try job.run() == 75)
        #expect(job.report.first?.hasPrefix("error: the job did not end within 1.5 s") == true, "\(job.report)")
        #expect(job.remaining == 0)
    }

    /// Nobody reads its standard output, or neither stream, while rank 0 writes more than both pipes on the way hold.
    @Test(arguments: ["", "2>&1"]) func aScreenThatTakesNothingHoldsUpNoLimit(redirection: String) throws {
        let job = try FakeJob("chatty", options: ["-n", "2", "--timeout", "10"])
        let start = ContinuousClock.now
        // The reader ends with the launcher, having read nothing.
        try job.start(
            by: "{ \"$0\" \"$@\" \(redirection); echo $? >\"$FAKE_FOLDER/code\"; } "
                + "| while [ ! -s \"$FAKE_FOLDER/code\" ]; do sleep 0.1; done")
        #expect(job.finish(limitSeconds: 120) == 0)
        #expect(job.text("code") == "75\n")
        let elapsed = start.duration(to: .now)
        // The limit, mpirun's end and 2 s for the screen.
        #expect(elapsed < .seconds(30), "\(elapsed)")
        let lines = job.text("run/ranks/rank-0.log").split(separator: "\n")
        #expect(lines.count == 20_001 && lines.last == "line 20000, and more than a pipe holds of them")
        #expect(job.text("run/ranks/launch.log").contains("\nerror: the job did not end within 10 s"))
        if redirection.isEmpty {
            #expect(job.report.contains { $0.hasPrefix("error: the job did not end within 10 s") }, "\(job.report)")
            #expect(
                job.report.contains { $0.hasPrefix("warning: ") && $0.contains("left out on standard output") },
                "\(job.report)")
        }
        #expect(job.remaining == 0)
    }

    /// Without a run folder logs go at the end, but not where they are all that there is.
    @Test func logsStayWhereTheScreenDidNotShowThem() throws {
        let job = try FakeJob("chatty", subcommand: ["bench", "step"])
        try job.start(
            by: "{ TMPDIR=\"$FAKE_FOLDER\" \"$0\" \"$@\"; echo $? >\"$FAKE_FOLDER/code\"; } "
                + "| while [ ! -s \"$FAKE_FOLDER/code\" ]; do sleep 0.1; done")
        #expect(job.finish() == 0)
        #expect(job.text("code") == "0\n")
        #expect(job.report.count == 1, "\(job.report)")
        #expect(job.report.first?.contains("left out on standard output") == true)
        let names = try FileManager.default.contentsOfDirectory(atPath: job.folder)
        let logs = try #require(names.first { $0.hasPrefix("alta-launch-") })
        #expect(job.text("\(logs)/rank-0.log").split(separator: "\n").count == 20_001)
        #expect(job.remaining == 0)
    }

    @Test func strayGrandchildrenEndWithTheJob() throws {
        let job = try FakeJob("stray")
        #expect(try job.run() == 0)
        #expect(job.remaining == 0)
    }

    @Test func ranksEndWithAKilledLauncher() throws {
        let job = try FakeJob("wait")
        try job.start()
        job.waitForRanks()
        kill(job.identifier, SIGKILL)
        #expect(job.finish() == SIGKILL)
        for _ in 0..<1500 where job.remaining > 0 { usleep(20_000) }
        #expect(job.remaining == 0)
    }

    @Test func aRunFolderTakesOneJobAtATime() throws {
        let first = try FakeJob("wait")
        try first.start()
        first.waitForRanks()
        let second = try FakeJob("success", arguments: ["--set", "output=\(first.folder)/run"])
        #expect(try second.run() == 1)
        #expect(second.report.first?.hasPrefix("error: another job is running in this folder") == true)
        kill(first.identifier, SIGTERM)
        #expect(first.finish() == 75)
        #expect(try FakeJob("success", arguments: ["--set", "output=\(first.folder)/run"]).run() == 0)
    }

    @Test func otherJobsAreLeftAlone() throws {
        let bystander = try FakeJob("wait")
        try bystander.start()
        bystander.waitForRanks()
        // The launcher, mpirun and two ranks; what mpirun starts for a moment only may come and go.
        #expect(bystander.remaining >= 4)
        let job = try FakeJob("kill")
        #expect(try job.run() == 75)
        #expect(bystander.remaining >= 4)
        kill(bystander.identifier, SIGTERM)
        #expect(bystander.finish() == 75)
    }

    @Test func whatIsKnownBeforeTheStartStartsNothing() throws {
        for (options, arguments, exitCode) in [
            (["-n", "0"], [], Int32(2)), (["-n", "2"], ["--set", "globalbatch=4"], 1),
            (["-n", "2", "--hosts", "/nowhere/hosts"], [], 1),
            (["-n", "2", "--restarts", "1"], ["--set", "resume=null"], 2),
            (["-n", "2", "--min-ranks", "3"], [], 2),
            (["-n", "2"], ["--set", "output=/proc/none"], 1),
        ] {
            let job = try FakeJob("success", options: options, arguments: arguments)
            #expect(try job.run() == exitCode)
            #expect(job.report.count == 1 && job.report[0].hasPrefix("error: "), "\(job.report)")
            #expect(job.standardOutput.isEmpty)
        }
    }

    @Test func aDryRunStartsNothing() throws {
        let job = try FakeJob("success", options: ["-n", "2", "--dry-run"])
        #expect(try job.run() == 0)
        #expect(job.standardOutput.contains("--tag-output") && job.standardOutput.contains("binding: "))
        #expect(!FileManager.default.fileExists(atPath: "\(job.folder)/run"))
    }

    @Test func aDryRunShowsWholePaths() throws {
        let job = try FakeJob("success", options: ["-n", "2", "--dry-run"], arguments: ["--set", "output=near"])
        #expect(try job.run() == 0)
        let folder = FileManager.default.currentDirectoryPath
        #expect(
            job.standardOutput.contains("ALTA_FAILURE_FOLDER=\(folder)/near/ranks/failures"), "\(job.standardOutput)")
    }
}
