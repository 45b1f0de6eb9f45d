import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// Real jobs that stall under mpirun: each ends soon after the limit with exit code 75, and names the right rank.
@Suite(.serialized, .enabled(if: JobRunner.hasMpirun)) struct StallJobTests {
    private static let program = "alta-stall-check"
    // A rank counts as stopped when it gives no sign for half of that: on a busy machine one that runs may be silent a while.
    private static let stallSeconds = 6.0

    /// A job, and the folders of its ranks.
    private struct Stalled {
        let outcome: JobOutcome
        let records: [FailureRecord]
        let dumps: [String]
        let statuses: [RankStatus]

        var error: String { outcome.errorLines.first ?? "" }
    }

    private func run(
        _ fault: String, rank: Int, ranks: Int = 3, environment: [String: String] = [:],
        meanwhile: (RunningJob) -> Void = { _ in }
    ) throws -> Stalled {
        let folder = try SharedMaterial.temporaryFolder("stall")
        let failures = "\(folder)/failures"
        try FileManager.default.createDirectory(atPath: failures, withIntermediateDirectories: true)
        let job = try JobRunner.start(
            Self.program, ranks: ranks, [fault, "\(rank)"],
            environment: [
                "ALTA_STALL_SECONDS": "\(Self.stallSeconds)", "ALTA_STATUS_FOLDER": "\(folder)/status",
                "ALTA_FAILURE_FOLDER": failures,
            ].merging(environment) { $1 })
        meanwhile(job)
        let outcome = job.finish(limitSeconds: 90, graceSeconds: 3)
        let records = try FileManager.default.contentsOfDirectory(atPath: failures).sorted().map {
            try JSONDecoder().decode(FailureRecord.self, from: Data(contentsOf: URL(filePath: "\(failures)/\($0)")))
        }
        let dumps = (0..<ranks).compactMap {
            try? String(contentsOfFile: "\(folder)/status/rank-\($0).operations", encoding: .utf8)
        }
        return Stalled(
            outcome: outcome, records: records, dumps: dumps, statuses: RankStatus.load(folder: "\(folder)/status"))
    }

    @Test(arguments: [
        ("busy", 1, "did not come to a collective: it runs, but has been in forward of step 5 for "),
        ("busy", 0, "did not come to a collective: it runs, but has been in forward of step 5 for "),
        ("stop", 2, "does not run: stopped, swapped out or gone with the host; it was in forward of step 5, last in "),
        ("stop", 0, "does not run: stopped, swapped out or gone with the host; it was in forward of step 5, last in "),
        ("memory", 1, "did not come to a collective: it runs, but has been in communication of step 5 for "),
        ("group", 2, "did not come to a collective: it runs, but has been in communication of step 5 for "),
        ("started", 1, "did not come to a collective: it runs, but has been in communication of step 5 for "),
    ])
    func theMissingRankIsNamed(fault: String, rank: Int, text: String) throws {
        let job = try run(fault, rank: rank)
        try check(job, rank: rank, step: 5)
        #expect(job.error.contains("error: rank \(rank) on ") && job.error.contains(text), "\(job.outcome.errors)")
        #expect(job.records.first?.phase == (["busy", "stop"].contains(fault) ? "forward" : "communication"))
        let operations = ["memory": "exchange in shared memory", "group": "all-reduce (maximum) of 2 double"]
        #expect(job.error.contains(operations[fault] ?? "all-reduce (sum) of "))
    }

    @Test func twoRanksThatStopAreBothNamed() throws {
        let job = try run("stopTwo", rank: 2)
        try check(job, rank: 1, step: 5)
        #expect(job.error.contains("error: ranks 1-2 on "), "\(job.outcome.errors)")
    }

    @Test func differentCollectivesAreNamed() throws {
        let job = try run("mismatch", rank: 1)
        try check(job, rank: 1, step: 5)
        #expect(
            job.error.contains(
                "rank 1 in barrier, number 6 of all ranks (in communication of step 5), ranks 0, 2 in all-reduce (sum) of 15 int64"
            ),
            "\(job.outcome.errors)")
    }

    @Test func aRankThatNeverStartsMPIIsNamed() throws {
        let job = try run("start", rank: 2)
        try check(job, rank: 2, step: nil)
        #expect(job.error.contains("has been in start for "), "\(job.outcome.errors)")
    }

    /// Stopped from outside, in the middle of a collective.
    @Test func aRankThatIsStoppedInsideACollectiveIsNamed() throws {
        let job = try run("inside", rank: 1) { job in
            guard job.wait(until: { job.errors.contains("inside") }), let process = job.process(ofRank: 1) else {
                return
            }
            usleep(500_000)
            kill(process, SIGSTOP)
        }
        try check(job, rank: 1, step: 5)
        #expect(job.error.contains("does not run") && job.error.contains("inside all-reduce"), "\(job.outcome.errors)")
    }

    @Test func aJobThatDoesNotStallEndsAsEver() throws {
        let job = try run("none", rank: 0)
        #expect(job.outcome.exitCode == 0 && job.outcome.output.contains("8 steps"))
        #expect(job.records.isEmpty && job.dumps.isEmpty)
        #expect(job.statuses.map(\.phase) == ["end", "end", "end"])
        #expect(job.statuses.map(\.completedSteps) == [8, 8, 8])
    }

    @Test func checkedCollectivesNameTheRankBeforeAnythingStalls() throws {
        // A stall would end with another exit code.
        let patient = ["ALTA_CHECK_COLLECTIVES": "1", "ALTA_STALL_SECONDS": "60"]
        let job = try run("mismatch", rank: 1, environment: patient)
        #expect(job.outcome.exitCode == 1)
        #expect(
            job.error.contains(
                "the ranks are in different collectives (rank 1): ranks 0, 2 in all-reduce (sum) of 15 int64, rank 1 in barrier"
            ),
            "\(job.outcome.errors)")
        #expect(try run("none", rank: 0, environment: patient).outcome.exitCode == 0)
    }

    /// Without a folder the ranks of a host find each other all the same, and nothing stays.
    @Test func withoutTheLauncherTheRankIsNamedToo() throws {
        let job = try run("busy", rank: 1, environment: ["ALTA_STATUS_FOLDER": ""])
        #expect(job.outcome.exitCode == 75)
        #expect(job.error.contains("error: rank 1 on "), "\(job.outcome.errors)")
        #expect(job.statuses.isEmpty)
    }

    private func check(_ job: Stalled, rank: Int, step: Int?) throws {
        #expect(job.outcome.exitCode == 75)
        #expect(job.outcome.errorLines.count == 1, "\(job.outcome.errors)")
        // The longest that a rank was in one operation: the limit, and what a busy machine adds. A rank that was stopped goes
        // on a little when mpirun wakes it: the operation may end after the record, and its next one be half written.
        let end = try #require(job.records.first).secondsSince1970
        let operations = job.statuses.flatMap(\.operations).filter { $0.began > 0 }
        let longest = try #require(operations.map { ($0.ended ?? end) - $0.began }.max())
        #expect((Self.stallSeconds / 2...Self.stallSeconds + 30).contains(longest))
        #expect(job.outcome.remaining == 0)
        #expect(job.records.map(\.rank) == [rank] && job.records.first?.step == step)
        #expect(job.records.first?.exitCode == 75)
        #expect(job.dumps.count == 3)
        #expect(
            job.dumps.allSatisfy { dump in
                dump.split(separator: "\n").allSatisfy {
                    (try? JSONValue(parsing: String($0)))?["rank"] != nil || $0.contains("\"operation\"")
                }
            })
    }
}
