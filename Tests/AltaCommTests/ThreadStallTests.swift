import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// Jobs whose ranks are threads of one process, and that stall: they end as jobs over MPI do, and name the right rank.
@Suite(.serialized) struct ThreadStallTests {
    private func run(_ fault: String, rank: Int, _ failures: String) throws -> JobOutcome {
        try RunningJob.start(
            JobRunner.program("alta-stall-check"), [fault, "\(rank)"],
            environment: [
                DebugRequest.threadsVariable: "3", "ALTA_STALL_SECONDS": "6", FailureRecord.folderVariable: failures,
            ]
        ).finish(limitSeconds: 60)
    }

    @Test(arguments: [
        ("busy", 1, "forward", "all-reduce (sum) of 15 int64"), ("busy", 0, "forward", "all-reduce (sum) of 15 int64"),
        ("memory", 2, "communication", "exchange in shared memory"),
    ])
    func theMissingThreadIsNamed(fault: String, rank: Int, phase: String, operation: String) throws {
        let failures = try SharedMaterial.temporaryFolder("thread-stall")
        let outcome = try run(fault, rank: rank, failures)
        #expect(outcome.exitCode == 75)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        let error = outcome.errorLines.first ?? ""
        #expect(error.contains("error: rank \(rank) on ") && error.contains(operation), "\(outcome.errors)")
        #expect(error.contains("did not come to a collective: it runs, but has been in \(phase) of step 5 for "))
        let reporter = rank == 0 ? 1 : 0
        let name = FailureRecord.fileName(rank: rank, seenBy: reporter)
        #expect(try FileManager.default.contentsOfDirectory(atPath: failures) == [name])
    }

    @Test func threadsThatDoNotStallEndAsEver() throws {
        let failures = try SharedMaterial.temporaryFolder("thread-stall")
        let outcome = try run("none", rank: 0, failures)
        #expect(outcome.exitCode == 0 && outcome.output.contains("8 steps"), "\(outcome.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: failures).isEmpty)
    }
}
