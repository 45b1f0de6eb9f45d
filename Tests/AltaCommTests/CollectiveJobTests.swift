import AltaTestSupport
import Testing

/// Every collective on rank-dependent, unequal data, as jobs of several ranks. Each outcome lists what did not hold.
@Suite(.serialized) struct CollectiveJobTests {
    static let mpirunIsThere = JobRunner.hasMpirun
    /// So small that every collective is cut into many pieces.
    static let smallCuts = ["--largest-count", "7", "--bucket-bytes", "24"]

    @Test(arguments: 1...4) func collectivesOverThreads(ranks: Int) throws {
        expectAllHeld(try Job.overThreads(ranks: ranks), ranks)
    }

    @Test(.enabled(if: mpirunIsThere), arguments: 1...4) func collectivesOverMPI(ranks: Int) throws {
        expectAllHeld(try Job.overMPI(ranks: ranks), ranks)
    }

    @Test(.enabled(if: mpirunIsThere), arguments: 1...4) func collectivesOverMPIInSmallPieces(ranks: Int) throws {
        expectAllHeld(try Job.overMPI(ranks: ranks, Self.smallCuts), ranks)
    }

    /// The number of elements is no limit here, only the bucket: reductions alone are cut.
    @Test(.enabled(if: mpirunIsThere)) func reductionsOverMPIInSmallBuckets() throws {
        expectAllHeld(try Job.overMPI(ranks: 3, ["--bucket-bytes", "100"]), 3)
    }

    /// Open MPI starts a process of its own for a lone rank, from the package that mpirun is in.
    @Test(.enabled(if: mpirunIsThere)) func collectivesOfOneRankWithoutMpirun() throws {
        expectAllHeld(try Job.alone(), 1)
        expectAllHeld(try Job.alone(Self.smallCuts), 1)
    }

    @Test(.enabled(if: mpirunIsThere)) func failedCallTellsOperationCountClassAndRank() throws {
        let outcome = try Job.overMPI(ranks: 2, ["--fault", "truncate"])
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        let line = outcome.errorLines.first ?? ""
        #expect(line.hasPrefix("error: MPI_Bcast of 8 elements failed (rank 1): "), "\(line)")
        // Each MPI has its own words for the error's class.
        #expect(line.contains(JobRunner.family == .openMPI ? "MPI_ERR_TRUNCATE" : "Message truncated"), "\(line)")
        #expect(outcome.exitCode == 1)
    }

    @Test(.enabled(if: mpirunIsThere)) func abortEndsEveryRankOverMPI() throws {
        #expect(try Job.overMPI(ranks: 3, ["--fault", "abort"]).exitCode == 7)
    }

    @Test(.enabled(if: mpirunIsThere)) func thrownErrorEndsEveryRankOverMPI() throws {
        let outcome = try Job.overMPI(ranks: 3, ["--fault", "throw"])
        #expect(outcome.errors.contains("error: a planted fault"))
        #expect(outcome.exitCode == 75)
    }

    private func expectAllHeld(_ outcome: JobOutcome, _ ranks: Int) {
        #expect(outcome.exitCode == 0)
        #expect(outcome.output.contains(" checks hold at \(ranks) ranks"))
        #expect(outcome.errors.split(separator: "\n").filter { $0.hasPrefix("failed") } == [])
    }
}
