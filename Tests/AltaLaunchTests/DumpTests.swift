import AltaTestSupport
import Foundation
import Testing

/// Dumps of jobs that run, with a worker that only waits.
@Suite(.serialized, .enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
struct DumpTests {
    /// The whole dump that a job's folder has; the newest.
    private func dump(_ job: FakeJob) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/run/ranks")
        let name = try #require(names.filter { $0.hasPrefix("dump-") }.max())
        return job.text("run/ranks/\(name)")
    }

    private func take(_ target: String) throws -> JobOutcome {
        try JobRunner.runAlone("alta-launch", ["debug", "--dump", target], limitSeconds: 60)
    }

    private func state(_ process: Int32) -> String {
        let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").first { $0.hasPrefix("State:") }.map(String.init) ?? "gone"
    }

    @Test func everyRankIsShownAlsoAStoppedOneWhichStaysStopped() throws {
        let job = try FakeJob("wait")
        try job.start()
        job.waitForRanks()
        let stopped = try #require(job.process(ofRank: 1))
        kill(stopped, SIGSTOP)
        for target in ["\(job.folder)/run", "\(job.identifier)"] {
            let outcome = try take(target)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count == 3 && lines[0].hasPrefix("rank 0 (process ") && lines[1].contains(": stopped"))
            let text = try dump(job)
            #expect(text.contains("== rank 1, process \(stopped)\nState T (stopped)"))
            #expect(text.components(separatedBy: "\n#0 ").count == 3 || text.contains("no stacks: "))
        }
        #expect(state(stopped).contains("T (stopped)"))
        kill(stopped, SIGCONT)
        kill(job.identifier, SIGINT)
        #expect(job.finish(limitSeconds: 180) == 75)
    }

    @Test func theLauncherDumpsWhenAskedBySignalAndGoesOn() throws {
        let job = try FakeJob("wait", command: "debug", options: ["-n", "2"])
        try job.start()
        job.waitForRanks()
        kill(job.identifier, SIGQUIT)
        for _ in 0..<1500 where !job.standardError.contains("all stacks: ") { usleep(20_000) }
        #expect(job.standardError.contains("rank 1 (process "), "\(job.standardError)")
        #expect(try dump(job).contains("== rank 1, process "))
        #expect(
            job.standardOutput.contains(
                "[1] rank 1 of 2: align --set output=\(job.folder)/run --set deterministic=true"))
        #expect(job.process(ofRank: 1) != nil)
        kill(job.identifier, SIGINT)
        #expect(job.finish(limitSeconds: 180) == 75)
        #expect(job.remaining == 0)
    }

    @Test(arguments: ["1", "/nowhere", "999999999"]) func jobsThatAreNotThere(target: String) throws {
        let outcome = try take(target)
        #expect(outcome.exitCode == 1)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("no rank of that job runs on this host"))
    }

    @Test func wrongUsageIsToldByTheProgram() throws {
        let outcome = try JobRunner.runAlone("alta-launch", ["debug", "--dump"])
        #expect(outcome.exitCode == 2)
        #expect(outcome.errorLines.count == 1)
    }
}
