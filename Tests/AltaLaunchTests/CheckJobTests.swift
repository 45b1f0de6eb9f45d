import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// `alta-launch check` as built, on a worker that says what it is told to.
@Suite(.serialized, .enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
struct CheckJobTests {
    /// Rank 0 says what `CHECK_MODE` asks for; other ranks leave, or wait.
    private static let worker = """
        #!/bin/bash
        rank=$OMPI_COMM_WORLD_RANK
        ok='{"check":"clock","verdict":"ok","finding":"one host"}'
        [ "$rank" = 0 ] && echo '{"begun":"clock"}'
        case "$CHECK_MODE:$rank" in
            success:0) echo "$ok"; echo "{\\"check\\":\\"arguments\\",\\"verdict\\":\\"note\\",\\"finding\\":\\"$*\\"}"
                echo '{"exit_code":0}' ;;
            failure:0) echo '{"check":"data","verdict":"fail","finding":"no table","remedy":"give one"}'
                echo '{"exit_code":1}'; exit 1 ;;
            failure:*) exit 1 ;;
            error:1) echo "error: out of luck" >&2; exit 3 ;;
            talk:*) while true; do echo "still here"; sleep 0.1; done ;;
            error:0 | wait:*) sleep 300 ;;
        esac
        exit 0
        """

    private func check(
        _ mode: String, _ options: [String], arguments: [String] = []
    ) throws -> (outcome: JobOutcome, folder: String) {
        let folder = try SharedMaterial.temporaryFolder("check-\(mode)")
        let worker = "\(folder)/worker"
        try Self.worker.write(toFile: worker, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: worker)
        let outcome = try RunningJob.start(
            JobRunner.program("alta-launch"),
            ["check", "--worker", worker, "--json", "\(folder)/report.json"] + options + arguments,
            environment: ["CHECK_MODE": mode]
        ).finish(limitSeconds: 60)
        return (outcome, folder)
    }

    private func lines(_ outcome: JobOutcome) -> [String] {
        outcome.output.split(separator: "\n").map(String.init)
    }

    @Test func everythingInOrderEndsWithASummary() throws {
        let run = ["--", "align", "c.json", "--set", "a=b"]
        let (outcome, folder) = try check("success", ["-n", "2"], arguments: run)
        #expect(outcome.exitCode == 0 && outcome.remaining == 0, "\(outcome.output)\(outcome.errors)")
        let lines = lines(outcome)
        #expect(lines.contains("ok   clock: one host"))
        #expect(lines.contains("note arguments: preflight --stage align c.json --set a=b"))
        #expect(lines.last?.hasPrefix("check: nothing failed; ") == true)
        let report = try JSONValue(parsing: try String(contentsOfFile: "\(folder)/report.json", encoding: .utf8))
        #expect(report["exit_code"]?.int == 0 && report["ranks"]?.int == 2)
        let findings = try #require(report["findings"]?.array).compactMap(CheckFinding.init(json:))
        #expect(findings.map(\.line) == Array(lines.dropLast()))
    }

    @Test func aFailureOfTheRanksIsItsOwn() throws {
        let (outcome, _) = try check("failure", ["-n", "2"])
        #expect(outcome.exitCode == 1)
        #expect(lines(outcome).count { $0.hasPrefix("FAIL") } == 1)
        #expect(lines(outcome).contains("FAIL data: no table; give one"))
    }

    @Test func aRankThatDiesIsNamed() throws {
        let (outcome, _) = try check("error", ["-n", "2"])
        #expect(outcome.exitCode == 1 && outcome.remaining == 0)
        #expect(lines(outcome).contains { $0.hasPrefix("FAIL ranks: rank 1: out of luck") }, "\(outcome.output)")
    }

    /// They talk meanwhile, and are not told to have been silent.
    @Test func ranksThatDoNotEndAreEnded() throws {
        let (outcome, _) = try check("talk", ["-n", "2", "--timeout", "6"])
        #expect(outcome.exitCode == 1 && outcome.remaining == 0 && outcome.seconds < 45)
        let text = "FAIL ranks: the ranks did not end within 6 s, while looking at clock"
        #expect(lines(outcome).contains { $0.hasPrefix(text) }, "\(outcome.output)")
    }

    @Test func aHostThatIsNotKnownMayPass() throws {
        let folder = try SharedMaterial.temporaryFolder("hosts")
        try "no-such-host.invalid slots=2\n".write(toFile: "\(folder)/hosts", atomically: true, encoding: .utf8)
        let (outcome, _) = try check("success", ["-n", "2", "--hosts", "\(folder)/hosts", "--wait", "1"])
        #expect(outcome.exitCode == 75 && outcome.seconds < 45)
        let text = "FAIL host names: no-such-host.invalid still not known after 1 s"
        #expect(lines(outcome).contains { $0.hasPrefix(text) })
        #expect(outcome.errors.contains("waiting for host names: no-such-host.invalid not known yet (0 of 1 s)"))
        #expect(lines(outcome).last?.contains("1 of") == true)
    }

    @Test func aMissingWorkerIsTold() throws {
        let (outcome, _) = try check("success", ["-n", "1", "--worker", "/nowhere/worker"])
        #expect(outcome.exitCode == 2)
        let alone = try JobRunner.runAlone("alta-launch", ["check", "-n", "1", "--worker", "/nowhere/worker"])
        #expect(alone.exitCode == 1 && alone.output.contains("FAIL worker: /nowhere/worker was not found; "))
        #expect(alone.output.contains("note ranks: not started"))
    }

    @Test func aSignalEndsIt() throws {
        let folder = try SharedMaterial.temporaryFolder("check-signal")
        let worker = "\(folder)/worker"
        try Self.worker.write(toFile: worker, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: worker)
        let job = try RunningJob.start(
            JobRunner.program("alta-launch"), ["check", "-n", "2", "--worker", worker],
            environment: ["CHECK_MODE": "wait"])
        #expect(job.wait { job.process(ofRank: 1) != nil && job.output.contains("launch agent") })
        kill(job.identifier, SIGINT)
        let outcome = job.finish(limitSeconds: 60)
        #expect(outcome.exitCode == 75 && outcome.remaining == 0)
        #expect(outcome.errorLines == ["error: stopped by SIGINT; start the same command again"])
    }
}
