import AltaCore
import AltaLaunch
import Foundation
import Testing

/// Which of several facts is the first cause, and where the rank was that it struck.
@Suite struct FirstCauseTests {
    private func messages(_ text: String, status: Int32? = nil) -> MpirunMessages {
        MpirunMessages(lines: text.split(separator: "\n").map(String.init), status: status)
    }

    private func record(_ rank: Int, phase: String = "communication", code: Int32 = 1) -> FailureRecord {
        FailureRecord(
            rank: rank, host: "node\(rank)", phase: phase, step: 3, message: "m\(rank)", exitCode: code,
            secondsSince1970: 9)
    }

    private func report(
        _ end: JobEnd, _ records: [FailureRecord] = [], _ messages: MpirunMessages? = nil,
        printed: [Int: String] = [:], memory: MemoryKills.Verdict = .unknown
    ) -> FailureReport? {
        var output = RankOutput(folder: "/dev/null/ranks")
        for (rank, text) in printed { output.append(ArraySlice(text.utf8), of: .rank(rank)) }
        let statuses = (0..<3).map { rank in
            StatusImage(rank: rank, host: "node\(rank)", phase: "forward", step: 12, completedSteps: 11).status
        }
        return FailureReport(
            FailureReport.Facts(
                end: end, records: records, messages: messages ?? self.messages(""), output: output, onlyHost: nil,
                statuses: statuses, memory: memory))
    }

    private let killed = "mpirun.openmpi noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)."
    private let exited = "  Process name: [[23883,1],1]\n  Exit code:    3"
    private let improper = "mpirun has exited due to process rank 1 with PID 0 on\nnode vm exiting improperly."
    private let lost = """
        [vm:31110] plm:rsh: Warning: setpgid(31115,31115) failed in parent with errno=Permission denied(13)
        --------------------------------------------------------------------------
        ORTE has lost communication with a remote daemon.
          HNP daemon   : [[53452,0],0] on node node0
          Remote daemon: [[53452,0],2] on node node2
        """

    @Test func aRankWithoutRecordIsPlacedByItsStatus() {
        let lines = [
            report(JobEnd(status: 137), [], messages(killed)), report(JobEnd(status: 3), [], messages(exited)),
            report(JobEnd(status: 1), [], messages(improper)),
        ].map { $0?.lines.first ?? "" }
        #expect(lines[0].hasPrefix("error: rank 1 on vm was killed by signal 9 (Killed) in step 12 (forward); "))
        #expect(lines[1] == "error: rank 1 on node1 ended with exit code 3 in step 12 (forward): it printed nothing")
        #expect(lines[2].contains("left the job before the others without an error in step 12 (forward)"))
    }

    @Test func memoryThatRanOutIsToldFromOtherKills() {
        func line(_ memory: MemoryKills.Verdict) -> String {
            report(JobEnd(status: 137), [], messages(killed), memory: memory)?.lines.first ?? ""
        }
        #expect(
            line(.certain).contains("killed by the kernel for lack of memory in step 12 (forward); set micro"))
        #expect(line(.likely).contains("most likely by the kernel"))
        #expect(line(.none).contains("not for lack of memory"))
        #expect(line(.unknown).contains("often the system is out of memory"))
    }

    /// A partner's end is no cause, however the first one ended; its own record is.
    @Test func echoesAreNoCauses() {
        for (text, status) in [(killed, Int32(137)), (exited, 3), (improper, 1)] {
            let found = report(JobEnd(status: status), [record(0)], messages(text))
            #expect(found?.lines.first?.hasPrefix("error: rank 1 on") == true, "\(text)")
        }
        let own = report(JobEnd(status: 3), [record(0), record(1, code: 3)], messages(exited))
        #expect(own?.lines.first?.hasPrefix("error: rank 0 on node0 failed") == true)
        // A watchdog's record of another rank, by the rank that mpirun names for its exit code.
        let watchdog = report(
            JobEnd(status: 75), [record(2, code: 75)],
            messages("  Process name: [[23883,1],0]\n  Exit code:    75"))
        #expect(watchdog?.lines.first?.hasPrefix("error: rank 2 on node2 failed") == true)
        #expect(watchdog?.exitCode == 75 && watchdog?.wasAskedFor == false)
    }

    /// mpirun is slow to end a job whose rank was killed on another host, so that the launcher does.
    @Test func echoesAreNoCausesWhereTheLauncherEndsTheJob() {
        for (text, status) in [(killed, Int32(137)), (exited, 3), (improper, 1)] {
            let found = report(JobEnd(status: status, reason: .hangAfterFailure), [record(0)], messages(text))
            #expect(found?.lines.first?.hasPrefix("error: rank 1 on") == true, "\(text)")
        }
        let data = report(JobEnd(status: 137, reason: .hangAfterFailure), [record(0, phase: "data")], messages(killed))
        #expect(data?.lines.first?.hasPrefix("error: rank 0 on node0 failed") == true)
    }

    /// Whom mpirun names only after the launcher has begun to end the job, that end has struck.
    @Test func ranksThatTheLauncherEndedAreNoCauses() {
        func state(_ rank: Int) -> String {
            "[vm:22] [[15480,0],0] ACTIVATE PROC [[15480,1],\(rank)] STATE ABORTED BY SIGNAL AT ../x.c:1746\n"
        }
        func kept(before: String, after: String) -> MpirunMessages {
            var output = RankOutput(folder: "/dev/null/ranks")
            output.append(ArraySlice(before.utf8), of: .mpirun)
            output.keepEnding()
            output.append(ArraySlice(after.utf8), of: .mpirun)
            return output.messages(status: 137)
        }
        let end = JobEnd(status: 137, reason: .hangAfterFailure)
        let nobody = kept(before: "", after: state(1) + killed + "\n")
        #expect(nobody.rank == nil && nobody.ending == nil)
        #expect(report(end, [record(0)], nobody)?.lines.first?.hasPrefix("error: rank 0 on node0 failed") == true)
        let other = kept(before: state(2), after: state(1) + killed + "\n")
        #expect(other.rank == 2 && other.host == nil && other.ending == .signal(9))
        #expect(report(end, [record(0)], other)?.lines.first?.hasPrefix("error: rank 2 on node2 was killed") == true)
        // Of the rank that had failed, what mpirun says later tells more.
        let same = kept(before: state(1), after: killed + "\n")
        #expect(same.rank == 1 && same.host == "vm" && same.ending == .signal(9))
    }

    @Test func aLostHostIsNamedWithItsRanks() {
        let found = report(JobEnd(status: 205), [record(0)], messages(lost))
        #expect(found?.lines.first?.hasPrefix("error: host node2 was lost with rank 2 in step 12 (forward)") == true)
        #expect(found?.cause.hasSuffix(": ORTE has lost communication with a remote daemon") == true)
        #expect(found?.exitCode == 75 && found?.lostHosts == ["node2"])
        let other = report(JobEnd(status: 1), [record(0, phase: "data")], messages(lost))
        #expect(other?.lines.first?.hasPrefix("error: rank 0 on node0 failed") == true)
    }

    /// mpirun names hosts as its host file does, ranks as their host calls itself.
    @Test(arguments: ["node2.cluster.example", "node2"]) func aLostHostMayHaveALongName(name: String) {
        let text = lost.replacingOccurrences(of: "node node2", with: "node \(name)")
        let found = report(JobEnd(status: 205), [record(0)], messages(text))
        #expect(found?.lines.first?.contains("\(name) was lost with rank 2 in step 12") == true, "\(text)")
    }

    @Test func theLastLinesDoNotRepeatTheError() {
        let text = "step 11\nerror: m1; try again\nnote: more\n"
        var record = record(1, phase: "data")
        record.message = "m1; try again"
        let found = report(JobEnd(status: 1), [record], printed: [1: text])
        #expect(found?.lines.filter { $0.hasPrefix("    | ") } == ["    | step 11", "    | note: more"])
        #expect(found?.lines.count { $0.contains("m1; try again") } == 1)
    }

    @Test func afterASignal() {
        let saved = report(JobEnd(status: 75, reason: .signal(15)))
        #expect(saved?.lines.first?.hasPrefix("error: stopped by SIGTERM in step 12, after saving") == true)
        #expect(saved?.exitCode == 75 && saved?.wasAskedFor == true)
        let late = report(JobEnd(status: 1, reason: .signal(2)))
        #expect(late?.lines.first?.contains("from the newest checkpoint") == true)
        let failed = report(JobEnd(status: 1, reason: .signal(2)), [record(0, phase: "checkpoint")])
        #expect(failed?.lines.first?.contains("rank 0 on node0 failed in step 3 (checkpoint): m0") == true)
        #expect(failed?.exitCode == 1 && failed?.wasAskedFor == true)
        // Who wants the end does not want a restart, even where a failure came first.
        let both = report(JobEnd(status: 137, reason: .hangAfterFailure, signal: 2), [], messages(killed))
        #expect(both?.lines.first?.contains("was killed by signal 9") == true && both?.wasAskedFor == true)
        // Done is done, whatever came at the last moment.
        #expect(report(JobEnd(status: 0, reason: .signal(15))) == nil)
        // Somebody else told the ranks.
        let alone = report(JobEnd(status: 75), [], messages("  Process name: [[23883,1],0]\n  Exit code:    75"))
        #expect(alone?.wasAskedFor == true && alone?.exitCode == 75)
    }

    @Test func exitCode75WithoutARecordIsNoStopWhereTheRankSpokeOfAnError() {
        let text = "  Process name: [[23883,1],0]\n  Exit code:    75"
        let failed = report(
            JobEnd(status: 75), [], messages(text), printed: [0: "step 11\nerror: no space left; free some\n"])
        #expect(failed?.lines.first?.hasSuffix("in step 12 (forward): no space left; free some") == true)
        #expect(failed?.lines.first?.hasPrefix("error: rank 0 on node0 ended with exit code 75") == true)
        #expect(failed?.exitCode == 75 && failed?.wasAskedFor == false)
        let other = report(JobEnd(status: 75), [], messages(text), printed: [2: "error: no luck\n"])
        #expect(other?.lines.first?.hasPrefix("error: rank 2 on node2 ended with exit code 75") == true)
        let stop = "stopped by signal 10 after step 11 of 20\n"
        // Rank 0 had saved; the rank that mpirun names had not.
        let named = report(
            JobEnd(status: 75), [], messages("  Process name: [[23883,1],1]\n  Exit code:    75"),
            printed: [0: stop, 1: "error: no luck\n"])
        #expect(
            named?.lines.first?.hasPrefix("error: rank 1 on node1 ended with") == true && named?.wasAskedFor == false)
        for printed in [[0: stop], [0: "error: " + stop], [0: stop, 1: "error: lost a partner\n"], [:]] {
            let stopped = report(JobEnd(status: 75), [], messages(text), printed: printed)
            #expect(stopped?.wasAskedFor == true && stopped?.exitCode == 75, "\(printed)")
        }
    }

    @Test func aSilentJobIsToldByItsStatuses() {
        let stopped = report(JobEnd(status: 1, reason: .stall(StallFinding(seconds: 21, silent: [1, 2]))))
        #expect(
            stopped?.lines.first?.hasPrefix(
                "error: rank 1 on node1 in step 12 (forward), rank 2 on node2 in step 12 (forward) stood still for 21 s"
            )
                == true)
        let absent = report(JobEnd(status: 1, reason: .stall(StallFinding(seconds: 21, absent: [3], silent: [1]))))
        #expect(absent?.lines.first?.hasPrefix("error: rank 3 never started: ") == true && absent?.exitCode == 75)
    }
}
