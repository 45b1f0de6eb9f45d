import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// One rank of three fails under the launcher: some cells of the matrix that Tests/Scripts/kill_matrix.sh runs whole.
    @Suite(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
    struct KillMatrix {
        private static let stallSeconds = 5.0

        @Test(arguments: [
            ("kill:1:forward:2", Int32(75)), ("kill:0:checkpoint:2", 75), ("stop:2:communication:2", 75),
            ("exit0:0:start:0", 1), ("exit3:1:data:2", 3), ("error:2:evaluation:2", 1), ("absent:1:forward:2", 75),
        ])
        func theFirstCauseIsNamedInTime(fault: String, exitCode: Int32) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let run = try FaultyRun(cohort, fault: fault)
            let outcome = try run.launch(["--stall-timeout", "\(Self.stallSeconds)"])
            let parts = fault.split(separator: ":").map(String.init)
            let place = parts[3] == "0" ? "at start" : "in step \(parts[3]) (\(parts[2]))"
            #expect(outcome.exitCode == exitCode, "\(outcome.errors)")
            let first = try #require(outcome.errorLines.first)
            #expect(first.hasPrefix("error: rank \(parts[1]) on ") && first.contains(place), "\(outcome.errors)")
            let waits = ["stop", "absent"].contains(parts[0]) ? Self.stallSeconds : 0
            // On a busy machine; the whole matrix is held to 10 s.
            #expect(try run.secondsSinceFault() - waits < 20)
            #expect(outcome.remaining == 0)
        }

        /// A rank is killed in the middle, twice the same way would be the end: the run is the one that was never disturbed.
        @Test func aRestartedRunIsTheUndisturbedRun() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let run = try FaultyRun(cohort, fault: "kill:1:backward:5")
            expectDone(try run.job.run("whole", ranks: 2))
            let outcome = try run.launch(["--restarts", "2", "--restart-delay", "0.1"])
            #expect(outcome.exitCode == 0 && outcome.remaining == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("alta-launch: restart 1 of 2 in 0.1 s: rank 1 on "), "\(outcome.errors)")
            // The checkpoint of step 4 is the newest before the fault.
            #expect(try run.job.log("run").events("start").map { $0["first_step"]?.int } == [1, 5])
            #expect(try run.job.log("run").exactLines() == run.job.log("whole").exactLines())
            #expect(try run.job.trainable("run", step: 6) == run.job.trainable("whole", step: 6))
        }
    }
}

/// A run of six steps in which `alta-fault-check` plants one fault, once.
private struct FaultyRun {
    let job: AlignJob
    private let fault: String
    private let mark: String

    init(_ cohort: SampleCohort, fault: String) throws {
        var job = AlignJob.small(cohort)
        job.settings["steps"] = 6
        job.settings["checkpoint_every"] = 2
        job.settings["data"] = [
            "train": .string(cohort.tablePath), "validation": .string(cohort.tablePath),
            "vocabulary": .string(cohort.vocabularyPath),
        ]
        self.job = job
        self.fault = fault
        mark = "\(cohort.folder)/mark"
    }

    /// Runs it as a job of three ranks, each with a companion process that would stay.
    func launch(_ options: [String]) throws -> JobOutcome {
        let start = ["run", "-n", "3", "--no-binding"] + options + ["--worker", JobRunner.program("alta-fault-check")]
        return try RunningJob.start(
            JobRunner.program("alta-launch"), start + ["--"] + (try job.arguments("run")),
            environment: ["ALTA_FAULT": fault, "ALTA_FAULT_MARK": mark]
        ).finish(limitSeconds: 120, graceSeconds: 0)
    }

    /// From the fault to now.
    func secondsSinceFault() throws -> Double {
        let made = try FileManager.default.attributesOfItem(atPath: mark)[.modificationDate] as? Date
        return -(try #require(made)).timeIntervalSinceNow
    }
}
